"""What a segment costs: shares of what was done for it, which add up to the whole."""

from __future__ import annotations

import pytest

from fewer.evaluate.engines.base import StepRun
from fewer.evaluate.plan.plan import plan
from fewer.language.files import load_segments
from fewer.model.catalog import Catalog
from fewer.model.window import Duration
from fewer.project.costs import Cost, leaf_costs, leaf_users, segment_costs
from fewer.project.explaining import merged
from fewer.project.project import Project
from project import florist

SEGMENTS = """\
- {id: a, where: {did: x}}
- {id: b, where: {any: [{did: x}, {did: y}]}}
- {id: c, where: {all: [{in_segment: b}, {did: z, within: 7d}]}}
- {id: d, where: {in_segment: a}, exclude: [c]}
"""


@pytest.fixture(scope="module")
def made():
    return plan(
        load_segments(SEGMENTS).segments,
        as_of_us=0,
        timezone="UTC",
        session_gap=Duration.parse("30m"),
        catalog=Catalog(),
    )


def step(name, rows, seconds, *leaves):
    return StepRun(name, None, "", rows, seconds, leaves)


def test_a_leaf_is_shared_by_those_who_ask_it(made):
    assert leaf_users(made) == [("a", "b"), ("b",), ("c",)]


def test_costs_by_hand(made):
    steps = [
        step("read", 400, 4.0),
        step("both", 30, 3.0, 0, 1, 2),
        step("one", 8, 1.0, 0),
        step("again", 2, 1.0, 2),
    ]
    assert leaf_costs(made, steps) == [Cost(2.0, 18.0), Cost(1.0, 10.0), Cost(2.0, 12.0)]
    assert segment_costs(made, steps) == {
        "a": Cost(1.0 + 1.0, 100 + 9),
        "b": Cost(1.0 + 1.0 + 1.0, 100 + 9 + 10),
        "c": Cost(1.0 + 2.0, 100 + 12),
        "d": Cost(1.0, 100),
    }


def test_nothing_costs_nothing(made):
    assert segment_costs(made, []) == dict.fromkeys("abcd", Cost())


def test_sizes_do_not_add_up_and_counts_do():
    found = merged([{"parts": 3, "index_bytes": 10}, {"parts": 4, "index_bytes": 9, "x": 0.5}])
    assert found == {"parts": 7, "index_bytes": 10, "x": 0.5}


@pytest.mark.parametrize("engine", ["embedded", "duckdb"])
@pytest.mark.parametrize("batch", [5, 600])
def test_costs_of_a_build_add_up(world, tmp_path, engine, batch):
    with Project.open(florist.write(world, tmp_path)) as project:
        project.ingest()
        built = project.build(as_of=florist.AS_OF, engine=engine, batch=batch)
        kept = project.snapshot()
    views = built.segments.values()
    assert sum(v.seconds for v in views) == pytest.approx(built.record.seconds)
    assert built.record.seconds == pytest.approx(sum(s.seconds for s in built.steps))
    assert sum(v.rows for v in views) == pytest.approx(built.record.facts["rows"], abs=len(views))
    assert all(v.seconds > 0 for v in views)
    for view in views:
        assert (kept.segments[view.id].seconds, kept.segments[view.id].rows) == (
            view.seconds,
            view.rows,
        )
        assert view.to_json()["rows"] == view.rows
