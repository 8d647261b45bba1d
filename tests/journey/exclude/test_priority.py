"""Waterfall and caps against a plain count, person by person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from fewer.journey.exclude.priority import order, waterfall

PEOPLE = st.sets(st.integers(0, 8))


@given(
    segments=st.lists(PEOPLE, max_size=5),
    lately=st.lists(PEOPLE, max_size=5),
    at_once=st.one_of(st.none(), st.integers(1, 3)),
    per_period=st.one_of(st.none(), st.integers(1, 3)),
)
def test_as_counted_person_by_person(segments, lately, at_once, per_period):
    named = [(f"s{i}", BitMap(people)) for i, people in enumerate(segments)]
    past = {f"s{i}": BitMap(people) for i, people in enumerate(lately)}
    found = waterfall(named, at_once=at_once, per_period=per_period, lately=past)
    for person in range(9):
        now, before = 0, {name for name, people in past.items() if person in people}
        for (name, people), kept in zip(named, found, strict=True):
            if person not in people:
                assert person not in kept.people | kept.full | kept.tired
                continue
            full = at_once is not None and now >= at_once
            tired = per_period is not None and name not in before and len(before) >= per_period
            assert (person in kept.full) is full
            assert (person in kept.tired) is (tired and not full)
            assert (person in kept.people) is (not full and not tired)
            if person in kept.people:
                now += 1
                before.add(name)
    for (_, people), kept in zip(named, found, strict=True):
        assert len(kept.people) + kept.lost == len(people)
        assert sum(kept.to.values()) == len(kept.full)


def test_the_order_is_stable():
    given_ = [("b", None), ("a", None), ("z", 1), ("y", 1)]
    assert order(given_) == order(reversed(given_)) == ["y", "z", "a", "b"]


def test_without_limits_nobody_loses():
    found = waterfall([("a", BitMap([1])), ("b", BitMap([1]))])
    assert [len(one.people) for one in found] == [1, 1]
