"""The engine from end to end: one small world, several kinds of condition in one plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlglot import exp

from fewer.errors import EngineError, StoppedError
from fewer.evaluate.engines.base import load
from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.occurrence import event_predicate
from fewer.evaluate.sql.program import as_query, program
from fewer.model.condition import Did
from fewer.model.segment import Segment
from fewer.model.window import to_utc_micros

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(world):
    world.did("ann", "view", AS_OF - DAY, path="/pricing")
    world.did("ann", "view", AS_OF - 3 * DAY, path="/pricing/teams")
    world.did("bob", "view", AS_OF - 10 * DAY, path="/blog")
    world.did("bob", "buy", AS_OF - 9 * DAY, value=5, item_id="i1")
    world.did("cy", "buy", AS_OF - 9 * DAY, value=7, item_id="i2")
    world.item("i1", category="shoes > boots")
    world.person("dee", plan="free")
    world.person("ann", plan="pro")
    return world


def segment(name, where, **more):
    return Segment(id=name, where=where, **more)


def test_counts_booleans_and_traits(shop):
    assert shop.ask(
        {"did": "view", "within": "7d", "count": {"at_least": 2}},
        {"did_not": "view"},
        {"trait": "plan", "equals": "pro"},
        {"any": [{"did": "buy"}, {"trait": "plan", "equals": "free"}]},
        {"none": [{"did": "buy"}, {"trait": "plan", "equals": "free"}]},
        {"all": []},
        {"any": []},
    ) == [{"ann"}, {"cy", "dee"}, {"ann"}, {"bob", "cy", "dee"}, {"ann"}, set(shop.numbers), set()]


def test_members_are_matched_less_every_exclusion(shop):
    plan = shop.plan(
        segment("buyers", {"did": "buy"}),
        segment("booted", {"did": "buy", "where": {"item.category": {"under": "shoes"}}}),
        segment("everyone", {"all": []}, exclude=["booted"]),
        segment("viewers", {"did": "view", "within": "30d"}, variants={"lookback": ["2d"]}),
        default_exclude=["buyers"],
    )
    found = shop.engine().evaluate(plan)
    assert list(found.members) == ["buyers", "booted", "everyone", "viewers", "viewers@2d"]
    members = {i: shop.names(numbers) for i, numbers in found.members.items()}
    assert members == {
        "buyers": {"bob", "cy"},  # a default exclusion is computed without the defaults
        "booted": set(),
        "everyone": {"ann", "dee"},
        "viewers": {"ann"},
        "viewers@2d": {"ann"},
    }
    assert shop.names(found.matched["viewers"]) == {"ann", "bob"}
    assert shop.names(found.matched["booted"]) == {"bob"}
    assert shop.names(found.universe) == {"ann", "bob", "cy", "dee"}
    assert found.steps[0].name == "universe"
    assert found.steps[-1].rows == 4


def test_standalone_query_has_the_same_members(shop):
    plan = shop.plan(
        segment("recent", {"did": "view", "within": "2d"}),
        segment("hot", {"did": "view", "count": {"at_least": 2}}),
        segment("rest", {"not": {"in_segment": "hot"}}, exclude=["recent"]),
    )
    engine = shop.engine()
    compiled = program(plan, DUCKDB)
    members = engine.evaluate(plan).members
    for name in plan.ids:
        rows = engine.run(as_query(compiled, name))
        assert set(rows["person"].to_pylist()) == set(members[name])


def test_event_predicate_agrees_with_a_segment(shop):
    where = Did(did="buy", where={"item.category": {"missing": True}}).where
    condition = event_predicate(["buy"], where, shop.catalog, as_of_us=to_utc_micros(AS_OF))
    query = exp.select("person").from_("events").where(condition)
    assert shop.names(shop.engine().run(query)["person"].to_pylist()) == {"cy"}
    assert shop.who({"did": "buy", "where": {"item.category": {"missing": True}}}) == {"cy"}


def test_stops_when_asked(shop):
    plan = shop.plan(segment("buyers", {"did": "buy"}))
    with pytest.raises(StoppedError):
        shop.engine().evaluate(plan, should_stop=lambda: True)


def test_reports_progress(shop):
    seen = []
    plan = shop.plan(segment("buyers", {"did": "buy"}))
    shop.engine().evaluate(plan, progress=lambda *what: seen.append(what))
    assert [name for name, _, _ in seen] == ["universe", "base", "tally_1", "result_1"]
    assert [done for _, done, _ in seen] == [1, 2, 3, 4]
    assert {total for _, _, total in seen} == {4}


def test_a_failing_query_is_shown_without_what_people_said(shop):
    shop.did("eve", "note", AS_OF - DAY, said="eve@example.com")
    engine = shop.engine()
    said = shop.catalog.properties["said"]["text"]
    cast = exp.cast(exp.column(said), "INT")
    with pytest.raises(EngineError) as raised:
        engine.run(exp.select(cast).from_("events").where(f"{said} IS NOT NULL"))
    assert f"CAST({said} AS INT)" in str(raised.value)
    assert "eve@" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_an_unknown_column_is_named(shop):
    with pytest.raises(EngineError, match="nowhere"):
        shop.engine().run(exp.select("nowhere").from_("events"))


def test_engines_are_found_by_entry_point():
    assert load("duckdb") is DuckDBEngine
    with pytest.raises(EngineError, match="Did you mean 'duckdb'"):
        load("duckdbb")
