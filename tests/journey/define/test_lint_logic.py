"""What can't be, or can't be otherwise."""

from __future__ import annotations

import pytest

from fewer.journey.define.lint import lint
from fewer.language.files import load_segments
from journey.define.linting import AS_OF, CATALOG, only, told


@pytest.mark.parametrize(
    "condition,findings",
    [
        ("{all: []}", ["empty_all all"]),
        ("{any: []}", ["empty_any any"]),
        ("{none: []}", ["empty_none none"]),
        ("{all: [{any: []}, {not: {all: []}}]}", ["empty_any any", "empty_all all"]),
        # counts
        (
            "{did: purchase, count: {at_least: 3, at_most: 2}}",
            ["never_true {at_least: 3, at_most: 2}"],
        ),
        (
            "{did: purchase, count: {more_than: 2, less_than: 3}}",
            ["never_true {more_than: 2, less_than: 3}"],
        ),
        ("{did: purchase, sum: {of: value, more_than: 2, less_than: 3}}", []),
        ("{did: purchase, count: {at_most: -1}}", ["never_true {at_most: -1}"]),
        (
            "{did: purchase, count: {exactly: 2.5}}",
            ["never_true {exactly: 2.5}", "fractional_count 2.5"],
        ),
        ("{did: purchase, count: {at_least: 2.5}}", ["fractional_count 2.5"]),
        ("{did: purchase, count: {between: [1.5, 2]}}", ["fractional_count [1.5, 2]"]),
        ("{did: purchase, mean: {of: value, at_least: 2.5}}", []),
        ("{did: purchase, count: {at_least: 0}}", ["always_true {at_least: 0}"]),
        (
            "{did: purchase, distinct: {of: path, more_than: -1}}",
            ["always_true {of: path, more_than: -1}"],
        ),
        ("{did: purchase, days: {at_least: 10}, within: 7d}", ["never_true {at_least: 10}"]),
        ("{did: purchase, days: {at_least: 9}, within: 7d}", []),
        (
            "{did: purchase, days: {at_least: 8}, within: 7d, calendar: true}",
            ["never_true {at_least: 8}"],
        ),
        (
            "{did: purchase, periods: {each: 1d, last: 4, at_least: 5}}",
            ["never_true {each: 1d, last: 4, at_least: 5}"],
        ),
        (
            "{did: purchase, periods: {each: 1d, last: 4, at_most: 4, at_least: 0}}",
            ["always_true {each: 1d, last: 4, at_most: 4, at_least: 0}"],
        ),
        (
            "{did: purchase, share: {where: {ok: true}, more_than: 1}}",
            ["never_true {where: {ok: true}, more_than: 1}"],
        ),
        (
            "{did: purchase, burst: {count: 3, in: 7d}, within: 7d}",
            ["burst_too_wide {count: 3, in: 7d}"],
        ),
        ("{did: purchase, burst: {count: 3, in: 6d}, within: 7d}", []),
        # people without events
        ("{did: purchase, count: {at_most: 2}}", ["lets_in_none {at_most: 2}"]),
        ("{did: purchase, days: {less_than: 3}}", ["lets_in_none {less_than: 3}"]),
        (
            "{did: purchase, sum: {of: value, at_most: 20}}",
            ["lets_in_none {of: value, at_most: 20}"],
        ),
        ("{did: purchase, mean: {of: value, at_most: 20}}", []),
        ("{did: purchase, count: {between: [1, 2]}}", []),
        ("{did: purchase, count: {between: [0, 2]}}", []),
        ("{did: purchase, count: {at_least: 0, at_most: 2}}", []),
        ("{did: purchase, count: {exactly: 0}}", []),
        ("{did: purchase, count: {at_most: 0}}", []),
        ("{did: purchase, count: {less_than: 1}}", []),
        ("{not: {did: purchase, count: {at_most: 2}}}", []),
        ("{none: [{did: purchase, count: {at_most: 2}}]}", []),
        ("{not: {none: [{did: purchase, count: {at_most: 2}}]}}", ["lets_in_none {at_most: 2}"]),
        ("{all: [{did: purchase}, {did: purchase, count: {at_most: 2}}]}", []),
        (
            "{all: [{did: refund}, {did: purchase, count: {at_most: 2}}]}",
            ["lets_in_none {at_most: 2}"],
        ),
        # samples and windows
        ("{sample: {percent: 0, salt: a}}", ["never_true 0"]),
        ("{sample: {percent: 100, salt: a}}", ["always_true 100"]),
        ("{did: purchase, since: 2026-03-20, until: 2026-03-20}", ["empty_window 2026-03-20"]),
        ("{did: purchase, since: 2026-03-20, until: 2026-03-20T00:01}", []),
        # tests of values
        (
            "{did: page_view, where: {value: {at_least: 3, at_most: 2}}}",
            ["never_true {at_least: 3, at_most: 2}"],
        ),
        (
            "{did: page_view, where: {mixed: {equals: 1, at_least: 2}}}",
            ["never_true {equals: 1, at_least: 2}"],
        ),
        (
            "{did: page_view, where: {mixed: {in: [x, y], not_in: [y, x]}}}",
            ["never_true {in: [x, y], not_in: [y, x]}"],
        ),
        (
            "{did: page_view, where: {mixed: {equals: X, contains: x}}}",
            ["never_true {equals: X, contains: x}"],
        ),
        ("{did: page_view, where: {mixed: {equals: X, contains: x, ignore_case: true}}}", []),
        (
            "{did: page_view, where: {path: {exists: false, equals: a}}}",
            ["never_true {exists: false, equals: a}"],
        ),
        ("{did: page_view, where: {path: {missing: true, exists: false}}}", []),
        (
            "{did: page_view, where: {path: {missing: true, exists: true}}}",
            ["never_true {missing: true, exists: true}"],
        ),
        (
            "{did: page_view, where: {mixed: {at_least: 1, contains: x}}}",
            ["never_true {at_least: 1, contains: x}"],
        ),
        (
            "{did: page_view, where: {at: {before: 2026-03-01, after: 2026-03-01}}}",
            ["never_true {before: 2026-03-01, after: 2026-03-01}"],
        ),
        (
            "{did: page_view, where: {at: {within: 1d, within_next: 1d}}}",
            ["never_true {within: 1d, within_next: 1d}"],
        ),
        ("{did: page_view, where: {path: {starts_with: /a, matches: '^/b'}}}", []),
        ("{trait: age, more_than: 5, less_than: 5}", ["never_true age"]),
        (
            "{last: {did: purchase}, having: {value: {between: [1, 2], more_than: 2}}}",
            ["never_true {between: [1, 2], more_than: 2}"],
        ),
        (
            "{sequence: [{did: refund, where: {ok: {equals: true, not_in: [true]}}}]}",
            ["never_true {equals: true, not_in: [true]}"],
        ),
        (
            "{did: purchase, share: {where: {ok: {in: [true], not_in: [true]}}, at_least: 0.5}}",
            ["never_true {in: [true], not_in: [true]}"],
        ),
        # several together
        (
            "{all: [{did: purchase}, {not: {did: purchase}}]}",
            ["contradiction {not: {did: purchase}}"],
        ),
        (
            "{all: [{did_not: purchase, within: 7d}, {did: purchase, within: 1w}]}",
            ["contradiction {did: purchase, within: 1w}"],
        ),
        (
            "{all: [{in_list: vip}, {none: [{in_list: vip}]}]}",
            ["contradiction {none: [{in_list: vip}]}"],
        ),
        (
            "{all: [{did: purchase, within: 7d}, {did_not: purchase, within: 14d}]}",
            ["contradiction {did_not: purchase, within: 14d}"],
        ),
        ("{all: [{did: purchase, within: 14d}, {did_not: purchase, within: 7d}]}", []),
        (
            "{all: [{did: purchase, where: {ok: true}, within: 7d}, {did_not: purchase}]}",
            ["contradiction {did_not: purchase}"],
        ),
        ("{all: [{did: purchase, within: 7d}, {did_not: purchase, where: {ok: true}}]}", []),
        (
            "{all: [{did: purchase, count: {at_least: 3}}, {did: purchase, count: {at_most: 2}}]}",
            ["contradiction {at_most: 2}"],
        ),
        (
            "{all: [{did: purchase, count: {at_least: 3}}, {did: purchase, count: {at_most: 3}}]}",
            [],
        ),
        (
            (
                "{all: [{did: refund, sum: {of: value, at_least: 3}},"
                " {did: refund, distinct: {of: value, between: [1, 2]}}]}"
            ),
            [],
        ),
        (
            "{none: [{in_list: vip}, {not: {in_list: vip}}]}",
            ["contradiction {not: {in_list: vip}}"],
        ),
        ("{any: [{in_list: vip}, {not: {in_list: vip}}]}", ["always_true {not: {in_list: vip}}"]),
        (
            "{any: [{did: purchase}, {did: purchase, count: {at_least: 1}}]}",
            ["said_twice {did: purchase, count: {at_least: 1}}"],
        ),
        (
            "{none: [{in_list: vip}, {in_list: vip}, {in_list: vip}]}",
            ["said_twice {in_list: vip}", "said_twice {in_list: vip}"],
        ),
    ],
)
def test_logic(condition, findings):
    found = lint(load_segments(f"- {{id: a, where: {condition}}}"), (), CATALOG, as_of_us=AS_OF)
    assert [f"{one.code} {one.place.text}" for one in found] == findings


def test_hints_of_open_bounds_are_numbers():
    _, text = only("{did: purchase, count: {less_than: 3}}")
    assert text == (
        "This also lets in people without any such event: their count is 0."
        " To leave them out write between: [1, 2]."
    )
    assert "[1, 2]." in only("{did: purchase, count: {at_most: 2}}")[1]


def test_required_and_excluded():
    text = """
- {id: buyers, where: {did: purchase}}
- {id: a, where: {all: [{did: page_view}, {in_segment: buyers}]}, exclude: [buyers]}
- {id: b, where: {any: [{did: page_view}, {in_segment: buyers}]}, exclude: [buyers]}
- {id: c, where: {in_segment: buyers}}
"""
    assert told(text) == ["3:56 required_and_excluded"]
    assert told(text, ["buyers"]) == ["3:56 required_and_excluded", "5:31 required_and_excluded"]
