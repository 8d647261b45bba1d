"""Random definitions over random worlds: every engine must say what the oracle says.

The seed of a world is part of the test's name. `FEWER_SEED` is the first one, `FEWER_SOAK`
multiplies their number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from hypothesis import Phase, given, settings

from conformance.engines import ENGINES, MARKED, Engine, expected
from conformance.smallest import Case, fault_of, report, smallest
from strategies.definition import asked, seeded

SOAK = max(1, int(os.environ.get("FEWER_SOAK", "1")))
FIRST = int(os.environ.get("FEWER_SEED", "0"))
DEFINITIONS = 110  # over each world, in one plan
SLOW_TO_PLAN = ("spark",)
WORLDS = {"duckdb": 46, "embedded": 46, "clickhouse": 10, "postgres": 5, "spark": 1}
LEAST = {"duckdb": 5_000, "embedded": 5_000, "clickhouse": 1_000, "postgres": 500, "spark": 100}
"""Definitions that must have been compared with the oracle before a change is taken in."""


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


def _engines(names: Iterable[str]) -> pytest.MarkDecorator:
    parameters = [
        pytest.param(name, marks=[getattr(pytest.mark, name)] if name in MARKED else [], id=name)
        for name in names
    ]
    return pytest.mark.parametrize("engine", parameters, indirect=True)


@_engines(name for name in ENGINES if name not in SLOW_TO_PLAN)
@given(case=asked(count=5))
@settings(max_examples=30 * SOAK)
def test_drawn_by_hypothesis(engine, case):
    """Small cases, many worlds; hypothesis shrinks and keeps what fails."""
    fault = fault_of(engine.answer, expected)(*case)
    assert not fault, shown(engine, case, fault)


@_engines(SLOW_TO_PLAN)
@given(case=asked(count=5))
@settings(max_examples=5 * SOAK, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_few_drawn_by_hypothesis(engine, case):
    """The same where each case takes a second: what fails is shown as it was drawn."""
    fault = fault_of(engine.answer, expected)(*case)
    assert not fault, shown(engine, case, fault)


def _worlds() -> list[object]:
    return [
        pytest.param(
            name,
            seed,
            marks=[pytest.mark.slow, *([getattr(pytest.mark, name)] if name in MARKED else [])],
            id=f"{name}-seed-{seed}",
        )
        for name in ENGINES
        for seed in range(FIRST, FIRST + WORLDS[name] * SOAK)
    ]


@pytest.mark.parametrize("engine, seed", _worlds(), indirect=["engine"])
def test_many_definitions_in_one_plan(engine, seed):
    """Rerun one with ``pytest -m slow -k 'duckdb-seed-7]'``."""
    print(f"FEWER_SEED={seed}")  # noqa: T201  shown when the test fails
    scene, many = seeded(seed, DEFINITIONS)
    assert len(many.segments) == DEFINITIONS
    check(engine, (scene, many))


@pytest.mark.parametrize("name", ENGINES)
def test_the_slow_run_is_large_enough(name):
    assert WORLDS[name] * DEFINITIONS >= LEAST[name]
