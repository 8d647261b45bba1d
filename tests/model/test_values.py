"""Exact numbers, literals and predicates."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fewer.model.base import FrozenMap, nfc
from fewer.model.condition import Did, SampleRule, Trait
from fewer.model.measure import Comparison
from fewer.model.number import LIMIT, NumberError, from_micros, plain, read_number, to_micros
from fewer.model.predicate import Predicate, Test


@pytest.mark.parametrize(
    "value,micros",
    [
        (0, 0), (3, 3_000_000), (3.5, 3_500_000), (-3.5, -3_500_000), ("3.5", 3_500_000),
        (0.1, 100_000), (Decimal("0.0000005"), 1), (Decimal("-0.0000005"), -1),
        (Decimal("0.00000049999999999999999999999999999999999"), 0), (1e-300, 0), (5e-324, 0),
        (2.5e-7, 0), (1_000_000.0000005, 1_000_000_000_001),
        (9.2e12, 9_200_000_000_000_000_000),
        (Decimal("9200000000000.0000004"), 9_200_000_000_000_000_000),
        (Decimal("9200000000000.0000005"), None), (9.3e12, None), (-9.3e12, None), (10**40, None),
        (float("nan"), None), (float("inf"), None), (Decimal("sNaN"), None), ("x", None),
        ("", None),
        (Decimal("1e999999"), None), (Decimal("1e-999999"), 0),
    ],
)  # fmt: skip
def test_micro_units(value, micros):
    assert to_micros(value) == micros


@given(st.fractions(min_value=-9 * 10**12, max_value=9 * 10**12, max_denominator=10**9))
def test_rounding_is_half_away_from_zero(value):
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    if Fraction(exact) != value:
        return  # not a decimal of 28 digits
    scaled = abs(value) * 1_000_000
    rounded = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    assert to_micros(exact) == (rounded if value >= 0 else -rounded)


@given(st.integers(-9_200_000_000_000_000_000, 9_200_000_000_000_000_000))
def test_micro_units_survive(micros):
    number = from_micros(micros)
    assert to_micros(number) == micros
    assert Decimal(str(plain(number))) == number
    assert to_micros(plain(number)) == micros
    assert abs(number) <= LIMIT


@pytest.mark.parametrize("value", [True, "3", None, [], b"3", float("nan"), 1e13])
def test_what_is_no_number(value):
    with pytest.raises(NumberError):
        read_number(value)


def test_literals_keep_their_types():
    """``True == 1`` in Python; two definitions that say so are different."""
    written = [True, False, 0, 1, "1", "true", "", 1.5]
    predicates = [Predicate(equals=value) for value in written]
    assert len(set(predicates)) == len(written)
    assert Predicate(equals=1) == Predicate(equals=1.0) == Predicate(equals=Decimal("1.000"))
    assert hash(Predicate(equals=1)) == hash(Predicate(equals=1.0))
    assert Predicate(in_=[True]) != Predicate(in_=[1])
    assert Predicate(not_in=[0]) != Predicate(not_in=[False])
    assert Did(did="x", where={"a": True}) != Did(did="x", where={"a": 1})
    assert Trait(trait="a", equals=True) != Trait(trait="a", equals=1)
    assert Predicate(equals=True) != Test(equals=True)
    assert Predicate(equals=True) != 1


def test_short_forms_of_tests():
    did = Did(
        did="x",
        where={"a": "b", "c": [1, 2], "d": True, "e": {"in": ["f"]}, "g": Predicate(exists=True)},
    )
    assert did.where == {
        "a": Test(equals="b"), "c": Test(in_=[1, 2]), "d": Test(equals=True), "e": Test(in_=["f"]),
        "g": Test(exists=True),
    }  # fmt: skip
    assert did.model_dump(exclude_defaults=True)["where"] == {
        "a": "b", "c": [1, 2], "d": True, "e": ["f"], "g": {"exists": True},
    }  # fmt: skip


def test_texts_are_in_normal_form():
    composed, decomposed = "é", "e\u0301"
    assert nfc(decomposed) == composed
    did = Did(did=decomposed, where={decomposed: {"contains": decomposed}})
    assert did == Did(did=composed, where={composed: {"contains": composed}})
    with pytest.raises(ValidationError, match="each event name once"):
        Did(did=[composed, decomposed])


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_character_is_no_text(text):
    for keys in ({"equals": text}, {"contains": text}, {"in": [text]}):
        with pytest.raises(ValidationError):
            Predicate.model_validate(keys)
    with pytest.raises(ValidationError):
        Did(did="x", where={text: 1})


def test_models_cannot_be_changed():
    did = Did(did="x", where={"a": 1})
    with pytest.raises(ValidationError, match="frozen"):
        did.within = "7d"
    for change in (
        lambda where: where.__setitem__("b", 1), lambda where: where.pop("a"),
        lambda where: where.update(b=1), lambda where: where.clear(),
        lambda where: where.__ior__({"b": 1}),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="frozen definition"):
            change(did.where)
    assert {did: 1}[Did(did="x", where={"a": 1})] == 1
    assert hash(FrozenMap(a=1, b=2)) == hash(FrozenMap(b=2, a=1))


def test_a_mapping_survives_pickling():
    import pickle

    did = Did(did="x", where={"a": 1})
    again = pickle.loads(pickle.dumps(did))  # noqa: S301
    assert again == did
    assert isinstance(again.where, FrozenMap)


@pytest.mark.parametrize(
    "bounds,inside,outside",
    [
        ({"at_least": 3}, [3, 4], [2, -3]), ({"at_most": 3}, [3, 0], [4]),
        ({"more_than": 3}, [4], [3]), ({"less_than": 3}, [2], [3]), ({"exactly": 3}, [3], [2, 4]),
        ({"between": (1, 3)}, [1, 2, 3], [0, 4]), ({"at_least": 2, "less_than": 4}, [2, 3], [1, 4]),
    ],
)  # fmt: skip
def test_comparisons(bounds, inside, outside):
    comparison = Comparison(**bounds)
    assert all(comparison.holds(Decimal(n)) for n in inside)
    assert not any(comparison.holds(Decimal(n)) for n in outside)


@pytest.mark.parametrize(
    "percent,threshold",
    [
        (0, "0" * 16), (50, "8" + "0" * 15), (25, "4" + "0" * 15), (100, None),
        (Decimal("0.000001"), "0000002af31dc462"), (Decimal("99.999999"), "ffffffd50ce23b9f"),
    ],
)  # fmt: skip
def test_sample_thresholds(percent, threshold):
    """A digest is in when it is below P/100 of 2^64: of whole digests, below the ceiling."""
    rule = SampleRule(percent=percent, salt="s")
    assert rule.threshold == threshold
    if threshold is not None:
        cut = Fraction(percent) / 100 * 2**64
        assert int(threshold, 16) - 1 < cut <= int(threshold, 16)
