"""Which column is what: guessed by name and values, told, and never guessed where it matters."""

from __future__ import annotations

import pytest

from fewer.errors import GuardError, SourceError
from fewer.journey.measure.trial.roles import Asked, Column, roles

WHO = Column("customer_id", "number", 900)
ARM = Column("group", "text", 2, ("control", "test"))
ORDERED = Column("converted", "flag", 2, ("0", "1"))
AGE = Column("age", "number", 60)


def test_everything_is_guessed_and_told():
    found = roles([WHO, ARM, ORDERED, AGE], Asked())
    assert (found.arm, found.person, found.control) == ("group", "customer_id", "control")
    assert [m.name for m in found.metrics] == ["converted"]
    assert "age" in found.unused
    assert len(found.guessed) == 4
    assert found.shares == {"control": 0.5, "test": 0.5}


def test_an_exact_name_goes_before_one_that_holds_it():
    other = Column("history_segment", "text", 7, tuple("abcdefg"))
    arm = Column("segment", "text", 3, ("Mens E-Mail", "No E-Mail", "Womens E-Mail"))
    found = roles([other, arm, ORDERED], Asked())
    assert found.arms == ("No E-Mail", "Mens E-Mail", "Womens E-Mail")


@pytest.mark.parametrize(
    "values,control",
    [
        (("gate_30", "gate_40"), "gate_30"),
        (("A", "B"), "A"),
        (("1", "0"), "0"),
        (("new", "Control group"), "Control group"),
        (("holdout", "a"), "holdout"),
    ],
)
def test_the_comparison(values, control):
    assert roles([Column("arm", "text", 2, values), ORDERED], Asked()).control == control


def test_what_was_said_wins():
    asked = Asked(arm="half", control="y", person="row", metrics=("age",), split={"x": 1, "y": 3})
    half = Column("half", "text", 2, ("x", "y"))
    found = roles([Column("row", "number", 9), half, ARM, ORDERED, AGE], asked)
    assert (found.arms, found.guessed, found.unused) == (("y", "x"), (), {})
    assert found.shares == {"x": 0.25, "y": 0.75}


@pytest.mark.parametrize(
    "asked,error,words",
    [
        (Asked(arm="gruop"), SourceError, "Did you mean 'group'"),
        (Asked(control="contrl"), SourceError, "Did you mean 'control'"),
        (Asked(arm="customer_id"), GuardError, "900 different values"),
        (Asked(arm="converted", metrics=("group",)), SourceError, "holds text"),
        (Asked(split={"control": 1}), SourceError, "a share for each arm: 'control', 'test'"),
        (Asked(split={"control": 1, "tset": 1}), SourceError, "'tset' is none"),
    ],
)
def test_mistakes(asked, error, words):
    with pytest.raises(error, match=words):
        roles([WHO, ARM, ORDERED], asked)


def test_no_arm_is_guessed_among_several():
    columns = [Column("month", "text", 12), Column("os", "text", 4), ORDERED]
    with pytest.raises(GuardError, match="Which column says the arm"):
        roles(columns, Asked())


def test_a_number_without_a_telling_name_is_no_outcome():
    with pytest.raises(GuardError, match="--metric \\('age'\\)"):
        roles([WHO, ARM, AGE], Asked())
