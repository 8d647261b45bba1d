"""The size guard's edits: one number each, written as one would, the nearest that fit first."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.journey.define.guard import Candidate, candidates, choose, is_exclusion, verdict
from fewer.model.condition import walk
from fewer.model.segment import Segment, SizeGuard

GUARD = SizeGuard(min=200, max=2_000)


def segment(where: dict, **more) -> Segment:
    return Segment.model_validate({"id": "hot", "where": where, **more})


def words(where: dict) -> list[str]:
    return [c.words for c in candidates(segment(where))]


def condition(where: dict) -> dict:
    [edit] = [c for c in candidates(segment(where)) if c.words.endswith("within: 14d")]
    return edit.segment.model_dump(by_alias=True, exclude_defaults=True, mode="json")["where"]


def test_windows_near_the_one_written():
    found = words({"did": "view", "within": "7d"})
    assert found == [f"within: {n}d" for n in (1, 2, 3, 5, 10, 14, 21, 30, 45)]


def test_a_window_of_hours_is_tried_in_days():
    assert words({"did": "view", "within": "36h"})[:2] == ["within: 1d", "within: 2d"]


@pytest.mark.parametrize(
    "where, tried",
    [
        ({"did": "view", "count": {"at_least": 3}}, "count at_least 2"),
        ({"did": "view", "days": {"at_least": 3}}, "days at_least 4"),
        ({"did": "view", "distinct": {"of": "item_id", "at_least": 2}}, "distinct at_least 1"),
        (
            {"did": "view", "periods": {"each": "7d", "last": 8, "at_least": 8}},
            "periods at_least 6",
        ),
        ({"did": "view", "burst": {"count": 5, "in": "1h"}}, "burst count 4"),
        ({"did": "view", "count": {"at_most": 3}}, "count at_most 4"),
        ({"did": "view", "sum": {"of": "value", "at_least": 150}}, "sum at_least 112.5"),
        ({"did": "view", "sum": {"of": "value", "at_most": 100}}, "sum at_most 50"),
        (
            {"did": "view", "share": {"where": {"kind": "new"}, "at_least": 0.5}},
            "share at_least 0.4",
        ),
    ],
)
def test_bounds_of_measures(where, tried):
    assert tried in words(where)


@pytest.mark.parametrize(
    "where",
    [
        {"did": "view"},
        {"did": "view", "count": {"exactly": 3}},
        {"did": "view", "sum": {"of": "value", "at_least": -5}},
        {"did": "view", "since": "2024-01-01"},
        {"trait": "plan", "equals": "pro"},
        {"consent": "ads"},
        {"sample": {"percent": 10, "salt": "s"}},
    ],
)
def test_what_has_no_such_number_gets_no_edit(where):
    assert words(where) == []


def test_the_subject_tells_behaviours_apart():
    found = words(
        {
            "all": [
                {"did": "view", "within": "7d"},
                {"not": {"did": ["buy", "order"], "within": "7d"}},
                {"any": [{"did_not": "refund", "within": "7d"}]},
                {"none": [{"last": {"did": "cart"}, "within": "7d"}]},
                {"first": {"did": "visit"}, "within": "7d"},
                {"sequence": [{"did": "cart"}, {"did": "buy"}], "within": "7d"},
            ]
        }
    )
    subjects = {w.removesuffix(" within: 14d") for w in found if w.endswith(" within: 14d")}
    assert subjects == {
        "did view", "did buy, order", "did_not refund", "last cart", "first visit", "sequence",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrap",
    [
        lambda c: {"all": [{"consent": "ads"}, c]},
        lambda c: {"any": [c, {"consent": "ads"}]},
        lambda c: {"none": [c]},
        lambda c: {"not": c},
        lambda c: {"all": [{"any": [{"not": c}]}]},
    ],
)
def test_only_the_number_changes(wrap):
    written = {"did": "view", "where": {"path": "/pricing"}, "within": "7d", "lookback": True}
    before = segment(wrap(written)).model_dump(by_alias=True, exclude_defaults=True, mode="json")
    after = condition(wrap(written))
    assert str(after) == str(before["where"]).replace("7d", "14d")


def test_other_bounds_of_a_comparison_are_kept():
    found = candidates(segment({"did": "view", "count": {"at_least": 3, "at_most": 9}}))
    assert found
    for edit in found:
        [did] = walk(edit.segment.where)
        assert did.count.at_least <= did.count.at_most
        assert (did.count.at_least == 3) != (did.count.at_most == 9)


def test_edits_are_segments_of_their_own_with_the_same_exclusions():
    made = segment({"did": "view", "within": "7d"}, exclude=["buyers"],
                   variants={"lookback": ["7d", "14d"]})  # fmt: skip
    found = candidates(made)
    ids = [c.segment.id for c in found]
    assert len(set(ids)) == len(ids)
    for edit in found:
        assert edit.segment.exclude == ("buyers",)
        assert edit.segment.variants is None
        assert Segment.model_validate(edit.segment.model_dump()).id == edit.segment.id


def test_distance_grows_both_ways():
    found = {c.words: c.distance for c in candidates(segment({"did": "view", "within": "10d"}))}
    assert found["within: 5d"] == pytest.approx(math.log(2))
    assert found["within: 21d"] == pytest.approx(math.log(2.1))
    assert found["within: 14d"] < found["within: 7d"] < found["within: 5d"] < found["within: 30d"]


# -------------------------------------------------------------------------------------- choice


def _sized(*sizes: int) -> list[tuple[Candidate, int]]:
    one = segment({"did": "view"})
    return [(Candidate(one, f"edit {n}", float(n)), size) for n, size in enumerate(sizes, 1)]


def test_the_smallest_changes_that_fit():
    found = choose(GUARD, _sized(150, 214, 2_001, 1_730, 900, 800))
    assert [str(p) for p in found] == [
        "edit 2 would give 214",
        "edit 4 would give 1,730",
        "edit 5 would give 900",
    ]
    assert all(p.fits for p in found)


def test_edits_with_the_same_people_are_one_proposal():
    assert [p.words for p in choose(GUARD, _sized(300, 300, 400))] == ["edit 1", "edit 3"]


def test_the_nearest_miss_when_none_fits():
    [found] = choose(GUARD, _sized(20, 190, 2_500, 0))
    assert str(found) == "edit 2 would give 190 (nearest found, still outside)"
    assert not found.fits
    assert choose(GUARD, _sized(0, 0)) == ()
    assert choose(GUARD, []) == ()


@given(
    sizes=st.lists(st.integers(0, 5_000), max_size=30),
    low=st.integers(0, 2_000),
    span=st.integers(1, 2_000),
)
def test_whatever_is_chosen_keeps_its_promise(sizes, low, span):
    guard = SizeGuard(min=low, max=low + span)
    sized = _sized(*sizes)
    found = choose(guard, sized)
    offered = {(c.words, n) for c, n in sized}
    assert {(p.words, p.size) for p in found} <= offered
    assert [p.fits for p in found] == [verdict(p.size, guard) == "within" for p in found]
    if any(verdict(n, guard) == "within" for n in sizes):
        assert found
        assert all(p.fits for p in found)
        nearest = min(c.distance for c, n in sized if verdict(n, guard) == "within")
        assert found[0].words == f"edit {nearest:.0f}"


def test_only_segments_without_a_type_of_the_five_are_mere_exclusions():
    where = {"did": "buy", "within": "30d"}
    assert is_exclusion(segment(where))
    assert not is_exclusion(segment(where, type="engagement"))


def test_a_miss_that_comes_no_nearer_is_no_proposal():
    segment = Segment(id="few", where={"did": "view", "within": "1d"})
    edit = candidates(segment)[0]
    assert choose(segment.size, [(edit, 111)], now=111) == ()
    assert choose(segment.size, [(edit, 150)], now=111)[0].size == 150
