"""Samples and segments. Rows are sentences of the specification with hand-made examples.

The instant asked about is 2026-03-31 00:00 UTC unless a row says otherwise.
"""

from __future__ import annotations

from typing import Any

import pytest

from fewer.model.segment import Segment
from oracle.drawn import AS_OF, asked, at, draw
from oracle.segments import answer


@pytest.mark.parametrize(
    "percent, expected",
    [
        (0, set()),
        (19.47618, set()),
        (19.476181, {"bob"}),
        (52.924449, {"bob"}),
        (52.92445, {"ann", "bob"}),
        (100, {"ann", "bob"}),
    ],
)
def test_a_sample_is_a_published_hash(percent, expected):
    """`printf s:ann | sha256sum` starts 877c913225bd0f07, s:bob 31dbe8ca999c2d85.

    Over 2^64 that is 0.5292444... and 0.1947618...
    """
    world = draw(ann=[], bob=[])
    assert asked({"sample": {"percent": percent, "salt": "s"}}, world) == expected


def _segments(*written: dict[str, Any]) -> list[Segment]:
    return [Segment.model_validate(one) for one in written]


SETS = draw(
    traits={name: {"n": n} for n, name in enumerate(["zero", "one", "two", "three"])},
)


def _answer(*written: dict[str, Any], default_exclude: tuple[str, ...] = ()):
    found = answer(_segments(*written), SETS, as_of_us=AS_OF, default_exclude=default_exclude)
    names = SETS.persons

    def named(sets):
        return {id_: {names[p] for p in people} for id_, people in sets.items()}

    return named(found.matched), named(found.members)


def _above(id_: str, n: int, **keys: Any) -> dict[str, Any]:
    return {"id": id_, "where": {"trait": "n", "at_least": n}, **keys}


def test_members_are_where_less_every_exclusion():
    matched, members = _answer(
        _above("big", 2),
        _above("biggest", 3),
        _above("a", 1, exclude=["big"]),
        _above("b", 0, exclude=["biggest", "a"]),  # a's exclusions apply to a before
    )
    assert matched["a"] == {"one", "two", "three"}
    assert members["a"] == {"one"}
    assert members["b"] == {"zero", "two"}


def test_in_segment_means_members_and_not_matches():
    _, members = _answer(
        _above("big", 2), _above("a", 1, exclude=["big"]), {"id": "b", "where": {"in_segment": "a"}}
    )
    assert members["b"] == {"one"}


def test_default_exclusions_spare_themselves_and_who_refuses_them():
    _, members = _answer(
        _above("big", 2),
        _above("small", 0),
        _above("whole", 0, exclude_defaults=False),
        default_exclude=("big",),
    )
    assert members == {
        "big": {"two", "three"},
        "small": {"zero", "one"},
        "whole": {"zero", "one", "two", "three"},
    }


def test_variants_replace_the_only_window_or_the_marked_ones():
    world = draw(ann=[at("-1d")], bob=[at("-5d")], cy=[at("-20d"), at("-5d", "buy")])
    segments = _segments(
        {
            "id": "hot",
            "where": {"all": [{"did": "view", "within": "2d"}, {"did_not": "sell"}]},
            "variants": {"lookback": ["7d", "30d"]},
        },
        {
            "id": "marked",
            "where": {
                "all": [
                    {"did": "view", "within": "2d", "lookback": True},
                    {"did_not": "buy", "within": "2d"},
                ]
            },
            "variants": {"lookback": ["30d"]},
        },
        {"id": "ref", "where": {"in_segment": "hot@7d"}},
    )
    found = answer(segments, world, as_of_us=AS_OF).members
    names = {id_: {world.persons[p] for p in people} for id_, people in found.items()}
    assert names == {
        "hot": {"ann"},
        "hot@7d": {"ann", "bob"},
        "hot@30d": {"ann", "bob", "cy"},
        "marked": {"ann"},
        "marked@30d": {"ann", "bob", "cy"},
        "ref": {"ann", "bob"},
    }
