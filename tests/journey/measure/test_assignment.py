"""Randomised comparisons: intention to treat, split check, and the only rows that say lift."""

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.journey.measure.assignment import Assignment, holdout
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.population import Population
from fewer.journey.measure.table import Verdict, sentence
from fewer.model.goal import Goal
from fewer.model.window import DAY
from fewer.stats.proportion import difference, ratio

from .conftest import Design, event, measure

T = 400 * DAY
ORDER = Goal.model_validate(
    {"id": "order", "did": "purchase", "outcome_window": "14d", "value": {"of": "value"}}
)
DESIGN = Design(index_us=T, data_end_us=T + 20 * DAY, data="simulated", adjust=False)
EVERYONE = BitMap(range(4000))
HELD = BitMap(range(0, 4000, 5))


def buying(reader, *, treated=0.16, held=0.08, seed=0):
    rng = np.random.default_rng(seed)
    buys = [p for p in EVERYONE if rng.random() < (held if p in HELD else treated)]
    events = [event(p, T - DAY, "visit") for p in EVERYONE]
    return reader([*events, *(event(p, T + DAY, value=20 + p % 5) for p in buys)]), buys


def test_everyone_assigned_counts(reader):
    source, buys = buying(reader)
    segment = Population("hot", "Hot", BitMap(range(2000)))
    found = measure(
        source, [ORDER], [segment], DESIGN, assignments=[holdout(HELD, EVERYONE, share=0.2)]
    )
    row = found.experiment("hot", "order")
    inside = [p for p in buys if p < 2000]
    k2, k1 = len([p for p in inside if p in HELD]), len([p for p in inside if p not in HELD])
    table = ([k1], [1600], [k2], [400])
    comparison = row.against("holdout")
    assert (row.group.counts, comparison.against.counts) == (f"{k1} of 1,600", f"{k2} of 400")
    assert comparison.difference.estimate == difference(*table).at(0)
    assert comparison.ratio.estimate == ratio(*table).at(0)
    assert comparison.label is EvidenceLabel.RANDOMISED_HOLDOUT
    assert comparison.lift is comparison.ratio
    assert comparison.split.p == pytest.approx(1)
    assert comparison.verdict is Verdict.MORE
    assert row.notes == ("everyone assigned, reached or not",)
    data = found.to_json()["experiments"][0]["comparisons"][0]
    assert data["may_say_lift"] is True
    assert data["sentence"].startswith("lift +")


def test_lift_is_told_as_a_change(reader):
    source, _ = buying(reader)
    found = measure(
        source,
        [ORDER],
        [Population("all", "All", EVERYONE)],
        DESIGN,
        assignments=[holdout(HELD, EVERYONE, share=0.2)],
    )
    row = found.experiment("all", "order")
    said = sentence(row.group, row.comparisons[0])
    e = row.comparisons[0].ratio.estimate
    assert said.startswith(f"lift +{(e.value - 1) * 100:.0f} % (randomised holdout, 95 % interval")
    assert f"+{(e.lower - 1) * 100:.0f} % to +{(e.upper - 1) * 100:.0f} %; " in said


def test_a_holdout_without_conversions_leaves_a_lower_limit(reader):
    source, _ = buying(reader, held=0)
    found = measure(
        source,
        [ORDER],
        [Population("all", "All", EVERYONE)],
        DESIGN,
        assignments=[holdout(HELD, EVERYONE, share=0.2)],
    )
    row = found.experiment("all", "order")
    assert row.comparisons[0].verdict is Verdict.MORE
    assert "no upper limit" in sentence(row.group, row.comparisons[0])


def test_a_broken_split_withholds_the_figures(reader):
    """Some of the held out were lost on the way: the rest is no random choice any more."""
    source, _ = buying(reader)
    lost = EVERYONE - BitMap(range(0, 2000, 5))
    found = measure(
        source,
        [ORDER],
        [Population("all", "All", lost)],
        DESIGN,
        assignments=[holdout(HELD, EVERYONE, share=0.2)],
    )
    row = found.experiment("all", "order")
    comparison = row.comparisons[0]
    assert comparison.split.broken
    assert comparison.verdict is Verdict.SPLIT_BROKEN
    assert (comparison.ratio, comparison.lift, comparison.p) == (None, None, None)
    assert "planned were 20.0 %" in comparison.note
    assert sentence(row.group, comparison).startswith("split check failed: ")


def test_a_segment_without_held_out_people_has_no_experiment(reader):
    source, _ = buying(reader)
    without = Population("sent", "Sent", EVERYONE - HELD)
    found = measure(
        source, [ORDER], [without], DESIGN, assignments=[holdout(HELD, EVERYONE, share=0.2)]
    )
    assert found.experiments == ()
    with pytest.raises(KeyError):
        found.experiment("sent", "order")


def test_a_holdout_can_be_a_list(reader):
    source = reader([event(1, T)], lists=[("holdout", 3), ("holdout", 5), ("o'ther", 7)])
    assert (set(source.listed("holdout")), set(source.listed("o'ther"))) == ({3, 5}, {7})
    assert not source.listed("nowhere")


def test_several_arms_against_one_control(reader):
    source, _ = buying(reader)
    arms = {name: BitMap(range(i, 4000, 3)) for i, name in enumerate(("none", "a", "b"))}
    assignment = Assignment(
        "creative", arms, dict.fromkeys(arms, 1 / 3), "none", EvidenceLabel.RANDOMISED_ARM
    )
    found = measure(
        source, [ORDER], [Population("all", "All", EVERYONE)], DESIGN, assignments=[assignment]
    )
    assert [row.group.name for row in found.experiments] == ["a", "b"]
    assert {row.comparisons[0].label.value for row in found.experiments} == {"randomised arm"}


def test_figures_of_no_effect_are_right_95_times_in_100(reader):
    """A/A: two hundred random splits of people who all get the same."""
    events = [event(p, T - DAY, "visit") for p in EVERYONE]
    events += [event(p, T + DAY) for p in range(0, 4000, 9)]
    source = reader(events)
    rng = np.random.default_rng(2)
    splits = [
        holdout(BitMap(rng.choice(4000, 800, replace=False).astype(np.uint32)), EVERYONE,
                share=0.2, name=f"h{i}")
        for i in range(200)
    ]  # fmt: skip
    found = measure(
        source, [ORDER], [Population("all", "All", EVERYONE)], DESIGN, assignments=splits
    )
    wrong = sum(row.comparisons[0].ratio.estimate.excludes(1) for row in found.experiments)
    assert len(found.experiments) == 200
    assert wrong <= 20  # 10 expected; 21 or more in one of a thousand such tests
    assert {row.comparisons[0].verdict for row in found.experiments} <= {
        Verdict.NO_DIFFERENCE,
        Verdict.CANNOT_TELL,
    }


@pytest.mark.parametrize(
    "arms, shares, control, label, said",
    [
        ({"a": [1], "b": [1]}, {"a": 1, "b": 1}, "a", "RANDOMISED_ARM", "more than one arm"),
        ({"a": [1], "b": [2]}, {"a": 1}, "a", "RANDOMISED_ARM", "one share for each arm"),
        ({"a": [1], "b": [2]}, {"a": 1, "b": 1}, "c", "RANDOMISED_ARM", "control"),
        ({"a": [1], "b": [2]}, {"a": 1, "b": 1}, "a", "RAW_ASSOCIATION", "label"),
    ],
)
def test_what_is_no_assignment_is_refused(arms, shares, control, label, said):
    with pytest.raises(ValueError, match=said):
        Assignment(
            "x", {k: BitMap(v) for k, v in arms.items()}, shares, control, EvidenceLabel[label]
        )
