"""Random definitions over random worlds: every engine must say what the oracle says."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings

from conformance.engines import Engine, expected
from conformance.smallest import Case, fault_of, report, smallest
from strategies.definition import asked, seeded

SOAK = max(1, int(os.environ.get("FEWER_SOAK", "1")))
WORLDS = 30 * SOAK
DEFINITIONS = 110  # over each world, in one plan


def test_a_world_and_its_definitions_come_from_a_seed():
    assert seeded(7, 20) == seeded(7, 20) != seeded(8, 20)


def check(engine: Engine, case: Case) -> None:
    """Fail with the smallest case that shows the fault."""
    fault = fault_of(engine.answer, expected)
    if not fault(*case):
        return
    small = smallest(case, fault)
    pytest.fail(shown(engine, small, fault(*small)), pytrace=False)


def shown(engine: Engine, case: Case, fault: str) -> str:
    """The case and both answers."""
    try:
        found = engine.answer(*case)
    except Exception as error:  # noqa: BLE001  whatever it is, the report shows it
        found = error
    return report(case, fault, found, expected(*case))


@given(case=asked(count=5))
@settings(max_examples=30 * SOAK)
def test_drawn_by_hypothesis(engine, case):
    """Small cases, many worlds; hypothesis shrinks and keeps what fails."""
    fault = fault_of(engine.answer, expected)(*case)
    assert not fault, shown(engine, case, fault)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(WORLDS), ids="seed-{}".format)
def test_many_definitions_in_one_plan(engine, seed):
    """Rerun one with ``pytest -m slow -k 'seed-7]'``."""
    scene, many = seeded(seed, DEFINITIONS)
    assert len(many.segments) == DEFINITIONS
    check(engine, (scene, many))


def test_the_slow_run_is_large_enough():
    assert WORLDS * DEFINITIONS >= 2_000
