"""Plain words: read by people, and different for different definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.language.words import describe, name, tree
from fewer.language.yaml import load, validate
from fewer.model.base import freeze
from fewer.model.condition import Condition
from fewer.model.goal import Goal
from fewer.model.predicate import Test
from fewer.model.segment import Segment
from language.strategies import LEAVES, conditions, goals, predicates


def read(text, kind=Condition):
    return validate(load(text, file="x"), kind)


@pytest.mark.parametrize(
    "written,words",
    [
        ("{did: purchase}", "has ever done purchase"),
        ("{did: '*', within: 7d}", "has done any event in the last 7 days"),
        ("{did: [view, cart], within: 1d}", "has done view or cart in the last 1 day"),
        (
            ("{did: page_view, where: {path: {starts_with: /pricing}, device: mobile},"
            " within: 7d, count: {at_least: 3}}"),
            ('has done page_view (path starts with "/pricing" and device is "mobile")'
            " at least 3 times in the last 7 days"),
        ),
        ("{did: view, count: {exactly: 1}}", "has ever done view exactly 1 time"),
        (
            "{did: view, count: {at_least: 2, less_than: 1000}}",
            "has ever done view at least 2 and less than 1,000 times",
        ),
        (
            "{did: view, days: {between: [2, 5]}, within: 7d, calendar: true}",
            "has done view on between 2 and 5 different days in the last 7 full days",
        ),
        (
            "{did: view, distinct: {of: item_id, at_least: 3}, between: {from: 14d, to: 7d}}",
            ("has done view with at least 3 different values of item_id"
            " from 14 days ago to 7 days ago"),
        ),
        (
            "{did: purchase, sum: {of: revenue, more_than: 99.5}, since: 2026-01-01}",
            "has done purchase with total revenue of more than 99.5 since 2026-01-01",
        ),
        (
            "{did: purchase, mean: {of: revenue, at_most: 20}, until: 2026-01-01}",
            "has done purchase with average revenue of at most 20 before 2026-01-01",
        ),
        (
            "{did: view, periods: {each: 1w, last: 4, at_least: 3}}",
            "has done view in at least 3 of the last 4 periods of 1 week",
        ),
        (
            "{did: view, burst: {count: 3, in: 2h}, within: 7d}",
            "has done view at least 3 times within 2 hours in the last 7 days",
        ),
        (
            "{did: purchase, share: {where: {coupon: {exists: true}}, at_least: 0.5}, within: 90d}",
            ("has done purchase where the share with coupon is present is at least 0.5"
            " in the last 90 days"),
        ),
        ("{did: view, days: {exactly: 1}}", "has ever done view on exactly 1 day"),
        (
            "{did: view, distinct: {of: value, at_most: 1}}",
            "has ever done view with at most 1 value of value",
        ),
        ("{did_not: purchase, within: 30d}", "has not done purchase in the last 30 days"),
        ("{did_not: purchase}", "has never done purchase"),
        (
            "{last: {did: purchase}, between: {from: 60d, to: 30d}}",
            "has done purchase, the most recent one from 60 days ago to 30 days ago",
        ),
        (
            "{first: {did: view, where: {paid: true}}, having: {'item.category': {under: shoes}}}",
            ('has done view (paid is true), the very first one at any time and having item.category'
            ' is "shoes" or below it'),
        ),
        (
            ("{sequence: [{did: add_to_cart}, {did_not: purchase, within_next: 1d}, {did: view}],"
            " same: [item_id], within: 30d}"),
            ("has done in this order: step 1, add_to_cart; step 2, no purchase within 1 day after"
            " step 1; step 3, view, with the same item_id; in the last 30 days"),
        ),
        ("{trait: country, in: [DE, 'NO']}", 'trait country is one of "DE" or "NO"'),
        ("{trait: renewal, within_next: 30d}", "trait renewal is in the next 30 days"),
        (
            "{trait: plan, not_equals: Pro, ignore_case: true}",
            'trait plan is present and not "Pro" (ignoring case)',
        ),
        ("{consent: ads}", "has granted consent for ads"),
        ("{in_list: vip}", "is on the list vip"),
        ("{in_segment: hot@7d}", "is in the segment hot@7d"),
        ("{sample: {percent: 12.5, salt: a}}", 'is in the stable 12.5 % sample with salt "a"'),
        ("{all: []}", "everyone"),
        ("{any: []}", "no one"),
        ("{none: [{in_list: a}, {consent: b}]}",
         "none of (is on the list a; or has granted consent for b)"),
        (
            "{all: [{in_list: x}, {any: [{in_list: y}, {in_list: z}]}]}",
            "is on the list x, and (is on the list y, or is on the list z)",
        ),
        ("{not: {did: view, within: 7d, lookback: true}}",
         "not (has done view in the last 7 days (this window varies))"),
    ],
)  # fmt: skip
def test_words(written, words):
    assert describe(read(written)) == words


def test_segment_and_goal():
    segment = read(
        "{id: a, where: {did: view}, exclude: [b, c], exclude_defaults: false,"
        " variants: {lookback: [7d, 2w]}}",
        Segment,
    )
    assert describe(segment) == (
        "has ever done view; without b and c; the project's exclusions do not apply;"
        " also over 7 days and 2 weeks"
    )
    goal = read(
        "{id: order, did: purchase, value: {of: revenue, currency: EUR}, outcome_window: 7d,"
        " gap: 1d, reversed_by: {did: refund, same: [order_id]}}",
        Goal,
    )
    assert describe(goal) == (
        "the first purchase, within 7 days after skipping 1 day, worth its revenue in EUR,"
        " taken back by refund with the same order_id"
    )


def test_tree():
    condition = read(
        "all: [{did: view}, {any: [{in_list: a1}, {not: {in_list: b1}}]}, {none: [{consent: c1}]},"
        " {all: []}]"
    )
    assert tree(condition).splitlines() == [
        "all of these:",
        "├─ has ever done view",
        "├─ any of these:",
        "│  ├─ is on the list a1",
        "│  └─ not:",
        "│     └─ is on the list b1",
        "├─ none of these:",
        "│  └─ has granted consent for c1",
        "└─ everyone",
    ]


@given(st.lists(conditions, min_size=2, max_size=6))
def test_different_conditions_read_differently(found):
    for say in (describe, tree):
        assert len({say(one) for one in found}) == len(set(found))


@given(st.one_of(*(st.tuples(kind, kind) for kind in LEAVES)), st.data())
def test_a_small_change_is_heard(pair, data):
    """One key of a condition changed to another value, which a random pair would seldom be."""
    leaf, other = pair
    if type(leaf) is not type(other):
        return
    field = data.draw(st.sampled_from(sorted(type(leaf).model_fields)))
    try:
        changed = type(leaf).model_validate({**dict(leaf), field: getattr(other, field)})
    except ValueError:
        return  # the two do not go together
    assert (describe(changed) == describe(leaf)) == (changed == leaf)


@given(st.lists(predicates().map(Test.model_validate), min_size=2, max_size=5))
def test_different_tests_read_differently(tests):
    def say(test):
        return describe(
            read("{did: view, where: {a: 1}}").model_copy(update={"where": freeze({"a": test})})
        )

    assert len(set(map(say, tests))) == len(set(tests))


@given(st.lists(goals, min_size=2, max_size=5))
def test_different_goals_read_differently(found):
    bare = {goal.model_copy(update={"id": "x", "name": None}) for goal in found}
    assert len(set(map(describe, bare))) == len(bare)


@given(conditions)
def test_words_can_be_shown_anywhere(condition):
    """One line, nothing that moves a terminal's cursor."""
    assert describe(condition).isprintable()
    assert all(line.isprintable() for line in tree(condition).split("\n"))


@pytest.mark.parametrize(
    "text,shown",
    [
        ("page_view", "page_view"), ("item.brand", "item.brand"), ("or", '"or"'), ("*", '"*"'),
        ("Order Completed", '"Order Completed"'), ("", '""'), ("a\nb", '"a\\nb"'), ("1st", '"1st"'),
        ("x\u202ey", '"x\\u202ey"'), ("\u65e5\u672c", "\u65e5\u672c"), ('"a"', '"\\"a\\""'),
    ],
)  # fmt: skip
def test_names(text, shown):
    assert name(text) == shown
