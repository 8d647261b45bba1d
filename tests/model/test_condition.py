"""Conditions and segments: their forms, their rules, their lookback variants."""

from __future__ import annotations

import pytest
from hypothesis import given
from pydantic import TypeAdapter, ValidationError

from fewer.model.condition import (
    HEADS,
    AllOf,
    AnyOf,
    Condition,
    Did,
    DidNot,
    InList,
    NoneOf,
    Not,
    SequenceOf,
    Step,
    children,
    walk,
    with_within,
)
from fewer.model.goal import Goal
from fewer.model.measure import MEASURES, Comparison
from fewer.model.segment import (
    LookbackError,
    Segment,
    SizeGuard,
    expand,
    lookback_targets,
    variant,
)
from fewer.model.window import Duration
from language.strategies import conditions

ADAPTER = TypeAdapter(Condition)
A, B = InList(in_list="a"), InList(in_list="b")


def test_every_head_is_a_key_of_its_model():
    for head, model in HEADS.items():
        keys = [field.alias or name for name, field in model.model_fields.items()]
        assert head in keys
        assert model.__doc__


@given(conditions)
def test_conditions_are_their_own_written_form(condition):
    assert ADAPTER.validate_python(condition) == condition
    assert ADAPTER.validate_python(condition.model_dump(exclude_defaults=True)) == condition
    assert hash(condition) == hash(ADAPTER.validate_python(condition.model_dump(exclude_none=True)))


def test_python_may_write_not_with_an_underscore():
    assert Not(not_=A) == ADAPTER.validate_python({"not": {"in_list": "a"}})
    assert ADAPTER.validate_python({"not_": {"in_list": "a"}}) == Not(not_=A)


def test_walk_meets_everything_parents_first():
    condition = AllOf(all=[A, AnyOf(any=[Not(not_=B)]), NoneOf(none=[])])
    assert list(walk(condition)) == [
        condition, A, AnyOf(any=[Not(not_=B)]), Not(not_=B), B, NoneOf(none=[]),
    ]  # fmt: skip
    assert children(A) == ()


def test_the_measure_of_a_behaviour():
    assert Did(did="x").measure == ("count", Comparison(at_least=1))
    for name in MEASURES:
        more = {"each": "1d", "last": 2} if name == "periods" else {}
        more |= {"of": "p"} if name in ("distinct", "sum", "mean", "min", "max") else {}
        more |= {"where": {"a": 1}} if name == "share" else {}
        value = {"count": 2, "in": "1h"} if name == "burst" else {"at_least": 0, **more}
        found, measure = Did.model_validate({"did": "x", name: value}).measure
        assert found == name
        assert measure == getattr(Did.model_validate({"did": "x", name: value}), name)


def test_did_not_is_did_with_none():
    condition = DidNot(did_not=["a", "b"], where={"p": 1}, within="7d", calendar=True)
    assert condition.as_did() == Did(
        did=["a", "b"], where={"p": 1}, within="7d", calendar=True, count={"exactly": 0}
    )


@pytest.mark.parametrize(
    "written",
    [
        {"did": []}, {"did": ["a", "a"]}, {"did": ["a", "*"]}, {"did": 3}, {"did": ""},
        {"did": None},
        {"did": "a", "trait": "b"},
        {"did": "a", "count": {"at_least": 1}, "sum": {"of": "p", "at_least": 1}},
        {"did_not": "a", "count": {"at_least": 1}}, {"sequence": []}, {"all": "a"}, {}, [], None,
        {"sequence": [{"did_not": "a", "within_next": "1d"}]},
        {"sequence": [{"did": "a", "within_next": "1d"}]},
        {"sequence": [{"did": "a"}, {"did_not": "b"}]},
        {"sequence": [{"did": "a"}], "same": ["b", "b"]},
        {"sample": {"percent": -1, "salt": "a"}}, {"sample": {"percent": 101, "salt": "a"}},
        {"trait": "a"}, {"last": {"did": "a", "within": "7d"}}, {"did": "a", "lookback": "yes"},
    ],
)  # fmt: skip
def test_what_is_refused(written):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(written)


def segment(where, **keys):
    return Segment(id="hot", where=where, **keys)


def test_variants_replace_the_only_window():
    where = AllOf(all=[Did(did="view", within="7d"), A, Not(not_=Did(did="buy"))])
    hot = segment(where, name="Hot", variants={"lookback": ["14d", "30d"]})
    assert [s.id for s in expand([hot])] == ["hot", "hot@14d", "hot@30d"]
    made = expand([hot])[1]
    assert made.where == AllOf(all=[Did(did="view", within="14d"), A, Not(not_=Did(did="buy"))])
    assert (made.title, made.variants) == ("Hot · 14 days", None)


def test_variants_replace_all_marked_windows_and_no_others():
    marked = {"within": "7d", "lookback": True}
    where = AnyOf(
        any=[
            Did(did="view", **marked),
            NoneOf(none=[DidNot(did_not="buy", **marked), Did(did="view", within="3d")]),
            SequenceOf(sequence=[Step(did="view")], **marked),
        ]
    )
    made = variant(segment(where), Duration(2, "w"))
    assert [getattr(c, "within", None) for c in walk(made.where) if hasattr(c, "within")] == [
        Duration(2, "w"), Duration(2, "w"), Duration(3, "d"), Duration(2, "w"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "where,why",
    [
        (Did(did="view"), "found none"),
        (A, "found none"),
        (AllOf(all=[Did(did="a", within="1d"), DidNot(did_not="b", within="1d")]), "found 2"),
        (Did(did="view", lookback=True), "needs a 'within'"),
        (Did(did="view", between={"from": "2d", "to": "1d"}, lookback=True), "needs a 'within'"),
    ],
)
def test_unclear_lookback(where, why):
    with pytest.raises(LookbackError, match=why):
        lookback_targets(where)


def test_replacing_a_window():
    assert with_within(Did(did="a", within="7d"), Duration(3, "d")) == Did(did="a", within="3d")


@pytest.mark.parametrize(
    "keys",
    [
        {"id": "Hot"}, {"id": "7d"}, {"id": "a-b"}, {"id": ""}, {"exclude": ["b", "b"]},
        {"exclude": ["B"]}, {"size": {"min": 3, "max": 2}}, {"size": {"max": 0}}, {"status": "new"},
        {"variants": {"lookback": []}}, {"variants": {"lookback": ["7d", "1w"]}}, {"type": "rfm"},
        {"priority": "1"}, {"budget": -1}, {"exclude_defaults": "no"},
    ],
)  # fmt: skip
def test_segments_that_are_refused(keys):
    with pytest.raises(ValidationError):
        Segment.model_validate({"id": "a", "where": {"did": "x"}, **keys})


def test_defaults():
    hot = segment(A)
    assert (hot.size, hot.type, hot.status, hot.exclude_defaults) == (
        SizeGuard(min=200, max=2000, enforce=False), "custom", "draft", True,
    )  # fmt: skip
    assert hot.title == "hot"
    assert Goal(id="order", did="buy", outcome_window="7d").title == "order"
