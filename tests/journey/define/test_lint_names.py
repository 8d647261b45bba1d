"""Names and values that the data does not know."""

from __future__ import annotations

import pytest

from fewer.journey.define.lint import lint
from fewer.language.files import load_definitions
from fewer.model.catalog import Catalog
from journey.define.linting import CATALOG, about, only, told


@pytest.mark.parametrize(
    "condition,code,words",
    [
        (
            "{did: page_veiw}",
            "unknown_event",
            "The data has no event 'page_veiw'. Did you mean 'page_view'?",
        ),
        (
            "{did: [purchase, xyz]}",
            "unknown_event",
            "The data has no event 'xyz'. There are add_to_cart, page_view, purchase, refund.",
        ),
        ("{did_not: buy}", "unknown_event", "no event 'buy'"),
        ("{last: {did: purchas}}", "unknown_event", "Did you mean 'purchase'?"),
        ("{first: {did: purchas}}", "unknown_event", "Did you mean 'purchase'?"),
        (
            "{sequence: [{did: purchase}, {did_not: refnd, within_next: 1d}]}",
            "unknown_event",
            "Did you mean 'refund'?",
        ),
        ("{did: purchase, where: {pth: a}}", "unknown_property", "Did you mean 'path'?"),
        (
            "{did: purchase, where: {category: hats}}",
            "unknown_property",
            "It is an attribute of items: write item.category.",
        ),
        (
            "{did: purchase, where: {country: DE}}",
            "unknown_property",
            "It is a trait: write {trait: country, ...}",
        ),
        ("{did: purchase, where: {session_id: a}}", "unknown_property", "Sessions are derived"),
        (
            "{did: purchase, where: {item.catgory: hats}}",
            "unknown_attribute",
            "The data has no item attribute 'catgory'. Did you mean 'category'?",
        ),
        (
            "{did: purchase, sum: {of: valeu, at_least: 1}}",
            "unknown_property",
            "Did you mean 'value'?",
        ),
        (
            "{did: purchase, distinct: {of: itemid, at_least: 1}}",
            "unknown_property",
            "Did you mean 'item_id'?",
        ),
        (
            "{sequence: [{did: purchase}, {did: refund}], same: [ordr_id]}",
            "unknown_property",
            "Did you mean 'order_id'?",
        ),
        (
            "{trait: contry, equals: DE}",
            "unknown_trait",
            "The data has no trait 'contry'. Did you mean 'country'?",
        ),
        ("{in_list: vips}", "unknown_list", "The data has no list 'vips'. Did you mean 'vip'?"),
        ("{consent: add}", "unknown_purpose", "The data has no purpose 'add'. Did you mean 'ads'?"),
        (
            "{did: purchase, where: {item.category: {under: shoe}}}",
            "unknown_category",
            "'item.category' has no category 'shoe' in the data. Did you mean 'shoes'?",
        ),
        (
            "{did: purchase, where: {item.category: {under: Shoes > boots}}}",
            "unknown_category",
            "Case counts: write 'shoes > boots'.",
        ),
        (
            "{did: page_view, where: {device: mobil}}",
            "unknown_value",
            "'device' has no value 'mobil' in the data. Did you mean 'mobile'?",
        ),
        (
            "{trait: country, in: [DE, CH]}",
            "unknown_value",
            "'country' has no value 'CH' in the data.",
        ),
        (
            "{did: page_view, where: {value: {contains: '3'}}}",
            "wrong_type",
            "This tests a text, and 'value' holds numbers only.",
        ),
        ("{did: page_view, where: {value: '3'}}", "wrong_type", "Write 3 without quotes."),
        ("{did: page_view, where: {zip: 123}}", "wrong_type", 'Put it in quotes: "123".'),
        (
            "{did: page_view, where: {zip: [1, 2]}}",
            "wrong_type",
            "This tests a number, and 'zip' holds texts only.",
        ),
        ("{did: page_view, where: {ok: 'true'}}", "wrong_type", "Write true without quotes."),
        ("{did: page_view, where: {zip: true}}", "wrong_type", 'Put it in quotes: "true".'),
        (
            "{did: page_view, where: {path: {within: 7d}}}",
            "wrong_type",
            "This tests a timestamp, and 'path' holds texts only.",
        ),
        ("{trait: age, equals: '3'}", "wrong_type", "'age' holds numbers only."),
        (
            "{did: purchase, mean: {of: path, at_least: 1}}",
            "wrong_type",
            "A mean needs numbers, and 'path' holds texts only.",
        ),
        (
            "{did: purchase, share: {where: {ok: 1}, at_least: 0.5}}",
            "wrong_type",
            "holds true/false only",
        ),
        ("{did: “purchase”}", "odd_quote", "typographic quotes"),
    ],
)
def test_names_and_types(condition, code, words):
    found, text = only(condition)
    assert (found, words in text, text) == (code, True, text)


@pytest.mark.parametrize(
    "condition",
    [
        "{did: '*', where: {item_id: x, item.price: {at_least: 3}, path: {missing: true}}}",
        "{did: purchase, where: {item.category: {under: shoes > sneakers}, device: [mobile]}}",
        "{did: purchase, where: {item.category: hats, device: {contains: b}, mixed: abc}}",
        "{did: purchase, where: {device: {equals: MOBILE, ignore_case: true}}}",
        "{sequence: [{did: purchase}, {did: refund}], same: [session_id, item_id]}",
        "{last: {did: purchase}, having: {value: {at_least: 3}}}",
        "{all: [{trait: age, between: [1, 5]}, {consent: ads}, {trait: country, exists: true}]}",
        "{did: purchase, sum: {of: item.price, at_least: 3}}",
        "{trait: country, starts_with: Z}",
    ],
)
def test_what_the_data_knows_is_not_mentioned(condition):
    assert about(condition) == []


def test_places_of_names():
    text = """
- id: a
  where:
    all:
      - did: [purchase, x]
        where:
          value: "3"
          nope: {equals: 1}
      - trait: country
        in: [DE, XX]
"""
    assert told(text) == [
        "5:25 unknown_event",
        "7:18 wrong_type",
        "8:17 unknown_property",
        "10:18 unknown_value",
    ]


def test_goals_are_looked_at():
    goals = """
- id: order
  did: purchas
  where: {ok: yes}
  value: {of: path}
  reversed_by: {did: refund, same: [order]}
  outcome_window: 7d
"""
    found = lint(load_definitions({}, {"goals.yaml": goals}), (), CATALOG)
    assert [(str(f.place), f.code) for f in found] == [
        ("goals.yaml:3:8", "unknown_event"),
        ("goals.yaml:4:15", "wrong_type"),
        ("goals.yaml:5:15", "wrong_type"),
        ("goals.yaml:6:37", "unknown_property"),
    ]


def test_nothing_is_known_before_the_first_data():
    text = "- {id: a, where: {did: anything, where: {x: 1}, within: 7d}}"
    assert told(text, catalog=None) == []
    assert told(text, catalog=Catalog()) == []
