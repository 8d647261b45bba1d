"""What values are. Rows are sentences of the specification with hand-made examples.

The instant asked about is 2026-03-31 00:00 UTC unless a row says otherwise.
"""

from __future__ import annotations

import pytest

from oracle.drawn import asked, at, draw, stamp, table

VALUES = draw(
    traits={
        "none": {},
        "empty": {"v": ""},
        "null": {"v": "null"},
        "five": {"v": 5},
        "text5": {"v": "5"},
        "yes": {"v": True},
        "one": {"v": 1},
        "soon": {"v": stamp("+0us")},
        "shoes": {"v": "Wear > Shoes"},
        "shoestring": {"v": "Wear > Shoestrings"},
    }
)
EVERYONE = set(VALUES.persons.values())


@table(
    ("exists", {"exists": True}, EVERYONE - {"none"}),
    ("exists: false", {"exists": False}, {"none"}),
    ("missing: an empty text is a value", {"missing": True}, {"none"}),
    ("missing: false", {"missing": False}, EVERYONE - {"none"}),
    ("equals: no casts", {"equals": 5}, {"five"}),
    ("equals: true is not 1", {"equals": True}, {"yes"}),
    ("equals: the text null", {"equals": "null"}, {"null"}),
    ("equals: the empty text", {"equals": ""}, {"empty"}),
    ("not_equals: neither missing nor another type", {"not_equals": 5}, {"one"}),
    ("not_equals: of text", {"not_equals": "5"}, {"empty", "null", "shoes", "shoestring"}),
    ("in", {"in": [1, 5]}, {"five", "one"}),
    ("not_in", {"not_in": ["", "5"]}, {"null", "shoes", "shoestring"}),
    ("numbers", {"at_least": 1, "less_than": 5}, {"one"}),
    ("more_than, at_most", {"more_than": 1, "at_most": 5}, {"five"}),
    ("between has both ends", {"between": [1, 5]}, {"five", "one"}),
    ("a negated bound still needs a number", {"at_most": 100}, {"five", "one"}),
    ("contains", {"contains": "hoes"}, {"shoes", "shoestring"}),
    ("starts_with", {"starts_with": "Wear"}, {"shoes", "shoestring"}),
    ("ends_with is case-sensitive", {"ends_with": "shoes"}, set()),
    ("ignore_case", {"ends_with": "shoes", "ignore_case": True}, {"shoes"}),
    ("under: equal or below", {"under": "Wear > Shoes"}, {"shoes"}),
    ("under: below", {"under": "Wear"}, {"shoes", "shoestring"}),
    ("under: not a part of a name", {"under": "Wea"}, set()),
    ("matches is unanchored", {"matches": "r > Sho?es$"}, {"shoes"}),
    ("matches: $ is the end", {"matches": "^.{0,4}$"}, {"empty", "null", "text5"}),
    ("before: earlier than", {"before": "2026-03-31"}, set()),
    ("before", {"before": "2026-03-31T00:00:00.000001"}, {"soon"}),
    ("after: at or later than", {"after": "2026-03-31"}, {"soon"}),
    ("within: before as_of", {"within": "1d"}, set()),
    ("within_next: as_of is in it", {"within_next": "1d"}, {"soon"}),
    ("several must all hold", {"exists": True, "starts_with": "n"}, {"null"}),
)
def test_predicates(condition, expected):
    assert asked({"trait": "v", **condition}, VALUES) == expected


def test_timestamps_have_half_open_windows():
    world = draw(
        traits={
            "start": {"at": stamp("-1d")},
            "older": {"at": stamp("-1d -1us")},
            "last": {"at": stamp("+1d -1us")},
            "past": {"at": stamp("+1d")},
        }
    )
    assert asked({"trait": "at", "within": "1d"}, world) == {"start"}
    assert asked({"trait": "at", "within_next": "1d"}, world) == {"last"}


@pytest.mark.parametrize(
    "value, pattern, ignore_case, expected",
    [
        ("İstanbul", "istanbul", True, True),  # İ -> i
        ("ΟΔΟΣ", "οδοσ", True, True),  # Σ -> σ, also at the end of a word
        ("οδος", "οδοσ", True, False),  # ς is lower case already
        ("ẞ", "ß", True, True),
        ("SS", "ß", True, False),  # simple mapping: one character for one
        ("ABC", "^[A-C]+$", True, True),
        ("٣", r"\d", False, False),  # ASCII digits only
        ("é", r"\w", False, False),
        ("\u00a0", r"\s", False, False),
        ("\n", ".", False, False),
        ("a\n", "a$", False, False),  # $ is the end of the text, not of the line
        ("a\nb", "^b", False, False),
        ("a-b", r"^[\w-]+$", False, True),
        ("a]b", r"a[\]]b", False, True),
        ("aab", "^(a|b){3}$", False, True),
        ("aab", "^a{3,}", False, False),
        ("x", r"[^\d\s]", False, True),
    ],
)
def test_patterns(value, pattern, ignore_case, expected):
    world = draw(traits={"ann": {"v": value}})
    test = {"trait": "v", "matches": pattern, "ignore_case": ignore_case}
    assert asked(test, world) == ({"ann"} if expected else set())


def test_item_attributes_are_joined_through_a_text_item_id():
    world = draw(
        ann=[at("-1d", item_id="1")],
        number=[at("-1d", item_id=1)],
        unknown=[at("-1d", item_id="2")],
        items={"1": {"category": "a > b"}},
    )
    assert asked({"did": "view", "where": {"item.category": {"under": "a"}}}, world) == {"ann"}
    gone = {"did": "view", "where": {"item.category": {"missing": True}}}
    assert asked(gone, world) == {"number", "unknown"}
