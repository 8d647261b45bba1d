"""A failure of the random suite is shown in the smallest case that fails in the same way."""

from __future__ import annotations

from dataclasses import replace

from conformance.engines import expected
from conformance.smallest import fault_of, report, smallest
from oracle.segments import Answer
from strategies.definition import Asked, seeded
from strategies.scene import Scene


def late_by_a_microsecond(scene: Scene, asked: Asked) -> Answer:
    """An engine that is wrong: it reads the events at as_of."""
    return expected(replace(scene, as_of_us=scene.as_of_us + 1), asked)


def refusing_sums(scene: Scene, asked: Asked) -> Answer:
    """An engine that fails at one construct."""
    if "sum=PropertyMeasure" in repr(asked):
        raise OverflowError
    return expected(scene, asked)


def test_one_segment_and_few_events_are_left():
    fault = fault_of(late_by_a_microsecond, expected)
    case = next(case for seed in range(50) if fault(*(case := seeded(seed, 40))) == "matched")
    scene, asked = smallest(case, fault)
    assert fault(scene, asked) == "matched"
    assert len(asked.segments) == 1
    assert len(scene.world.events) <= 3 < len(case[0].world.events)
    assert len(scene.world.persons) <= 2
    found, right = late_by_a_microsecond(scene, asked), expected(scene, asked)
    shown = report((scene, asked), "matched", found, right)
    assert f"matched of {asked.segments[0].id}: " in shown
    assert "should be" in shown


def test_an_engine_that_raises_is_shown_too():
    fault = fault_of(refusing_sums, expected)
    case = next(case for seed in range(50) if fault(*(case := seeded(seed, 40))))
    scene, asked = smallest(case, fault)
    assert fault(scene, asked) == "raises OverflowError"
    assert len(asked.segments) == 1
    assert scene.world.events == ()
    assert set(asked.segments[0].where.model_dump(exclude_none=True)) >= {"did", "sum"}
    shown = report((scene, asked), "raises", OverflowError("128 bits"), expected(scene, asked))
    assert "raised: OverflowError: 128 bits" in shown


def test_right_is_no_fault():
    assert fault_of(expected, expected)(*seeded(1, 20)) == ""
