"""Definitions that mean nothing, or not the same everywhere, are refused before any engine runs."""

from __future__ import annotations

from typing import Any

import pytest

from fewer.model.segment import Segment, expand


def refused(where: dict[str, Any], **keys: Any) -> bool:
    try:
        expand([Segment.model_validate({"id": "it", "where": where, **keys})])
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    "keys",
    [
        {"within": "7d", "since": "2026-01-01"},
        {"within": "7d", "between": {"from": "7d", "to": "1d"}},
        {"between": {"from": "7d", "to": "1d"}, "until": "2026-01-01"},
        {"between": {"from": "7d", "to": "7d"}},
        {"between": {"from": "1d", "to": "7d"}},
        {"between": {"from": "24h", "to": "1d"}},
        {"within": "24h", "calendar": True},
        {"within": "1w", "calendar": True},
        {"since": "2026-01-01", "calendar": True},
        {"calendar": True},
        {"within": "0d"},
        {"within": "1.5d"},
        {"within": "1M"},
        {"within": "1y"},
        {"within": "-7d"},
        {"within": 7},
        {"since": "2026-02-30"},
        {"count": {"at_least": 1}, "days": {"at_least": 1}},
        {"periods": {"each": "7d", "last": 2, "at_least": 1}, "within": "7d"},
        {"periods": {"each": "7d", "last": 0, "at_least": 1}},
        {"count": {}},
        {"count": {"between": [2, 1]}},
        {"burst": {"count": 0, "in": "1d"}},
        {"where": {}},
        {"where": {"a": {}}},
        {"where": {"a": []}},
        {"where": {"a": {"in": [1, "1"]}}},
        {"where": {"a": {"not_in": [True, 1]}}},
        {"where": {"a": {"at_least": "1"}}},
        {"where": {"a": {"ignore_case": True, "at_least": 1}}},
    ],
    ids=str,
)
def test_behaviours(keys):
    assert refused({"did": "view", **keys})


@pytest.mark.parametrize(
    "where",
    [
        {"did": []},
        {"did": ["*", "view"]},
        {"did_not": "view", "count": {"exactly": 0}},
        {"last": {"did": "view", "within": "7d"}},
        {"first": {"did": "view", "count": {"at_least": 1}}},
        {"sequence": []},
        {"sequence": [{"did": "a", "within_next": "1d"}]},
        {"sequence": [{"did_not": "a", "within_next": "1d"}]},
        {"sequence": [{"did": "a"}, {"did_not": "b"}]},
        {"sequence": [{"did": "a"}], "same": []},
        {"sample": {"percent": 101, "salt": "s"}},
        {"sample": {"percent": -1, "salt": "s"}},
        {"in_segment": "Not An Id"},
        {"trait": "plan"},
    ],
    ids=str,
)
def test_conditions(where):
    assert refused(where)


@pytest.mark.parametrize(
    "pattern",
    [r"(?i)a", r"(?=a)", r"\bword", r"a*?", r"a++", r"\p{L}", r"[[:alpha:]]", r"(a", r"a)", "[a",
     "*a", r"\1", "a{2,1}", "a{,3}", r"[z-a]", r"\Aa", r"a\Z", r"\x41", r"\u0041", r"^*", "a{1001}",
     "[]a]"],
)  # fmt: skip
def test_patterns_outside_the_portable_subset(pattern):
    assert refused({"trait": "v", "matches": pattern})


def test_a_range_that_lower_case_makes_empty():
    """Z to a holds seven characters; in lower case z is after a."""
    assert not refused({"trait": "v", "matches": "[Z-a]"})
    assert refused({"trait": "v", "matches": "[Z-a]", "ignore_case": True})


def test_a_variant_of_a_calendar_window_must_be_in_days():
    where = {"did": "view", "within": "7d", "calendar": True}
    assert not refused(where, variants={"lookback": ["1d", "14d"]})
    assert refused(where, variants={"lookback": ["24h"]})
