"""The meaning has more doors than one: the query of a segment, the test of an event, `why`.

What they say must be what the oracle says, as for members.
"""

from __future__ import annotations

import hashlib

import pytest
from sqlglot import exp

from conformance.engines import expected, opened, planned, scene_of
from fewer.evaluate.engines.why import WhyNode, why
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.occurrence import event_predicate
from fewer.evaluate.sql.program import as_query, program
from fewer.model.condition import Condition, Occurrence, children
from fewer.model.segment import Segment
from oracle.behaviours import named
from oracle.clock import length
from oracle.conditions import true
from oracle.drawn import at, draw
from oracle.moment import Moment
from oracle.predicates import matches
from oracle.segments import with_variants
from strategies.definition import Asked, Conditions, seeded
from strategies.dice import Seeded
from strategies.scene import Painter


def some_seeds(first: int, quick: int, slow: int) -> pytest.MarkDecorator:
    more = [pytest.param(first + n, marks=pytest.mark.slow) for n in range(quick, quick + slow)]
    return pytest.mark.parametrize("seed", [*range(first, first + quick), *more])


@some_seeds(2_000, 1, 7)
def test_the_standalone_query_of_a_segment(seed):
    """With its exclusions and all it refers to, over the canonical relations alone."""
    scene, asked = seeded(seed, 30)
    right = expected(scene, asked).members
    with opened(scene) as (engine, catalog):
        compiled = program(planned(scene, asked, catalog), DUCKDB)
        found = {
            id_: frozenset(engine.run(as_query(compiled, id_))["person"].to_pylist())
            for id_ in right
        }
    assert found == right


@some_seeds(3_000, 3, 27)
def test_the_condition_of_one_event(seed):
    """For parts of the product that read events themselves: of any time, of any person."""
    dice = Seeded(seed)
    scene = Painter(dice).scene()
    conditions = Conditions(dice, scene)
    moment = Moment(scene.world, scene.as_of_us, scene.zone, length(scene.session_gap))
    asked = [Occurrence.model_validate(conditions.occurrence()) for _ in range(40)]
    with opened(scene) as (engine, catalog):
        for occurrence in asked:
            condition = event_predicate(
                occurrence.did,
                occurrence.where,
                catalog,
                as_of_us=scene.as_of_us,
                timezone=scene.timezone,
                alias="e",
            )
            query = exp.select("e.event_id").from_("events AS e").where(condition)
            found = set(engine.run(query)["event_id"].to_pylist())
            right = {
                event.event_id
                for event in scene.world.events
                if named(occurrence.did, event) and matches(occurrence.where, event, moment)
            }
            assert found == right, occurrence


def test_the_digest_of_a_person():
    """All 16 digits: the last ones decide about nobody in any world small enough to draw."""
    scene = Painter(Seeded(7_000)).scene()
    for salt in ("s:", ":", "é:", "it's:"):
        digest = DUCKDB.digest(salt, exp.column("key")).as_("digest")
        with opened(scene) as (engine, _):
            found = engine.run(exp.select("key", digest).from_("persons")).to_pylist()
        assert {row["key"]: row["digest"] for row in found} == {
            key: hashlib.sha256((salt + key).encode()).hexdigest()[:16]
            for key in scene.world.persons.values()
        }


def test_a_thousand_segments_in_one_plan(engine):
    """More than one query's worth of results, leaves and references."""
    scene, asked = seeded(4_000, 150)
    copies = [
        Segment.model_validate(
            {"id": f"copy{n}_{segment.id}", "where": {"not": {"in_segment": segment.id}}}
        )
        for n in range(6)
        for segment in asked.segments
    ]
    many = Asked((*copies, *asked.segments), asked.default_exclude)
    assert len(many.segments) > 1_000
    assert engine.answer(scene, many) == expected(scene, many)


@pytest.mark.parametrize(
    "asked",
    [
        {"first": {"did": "*"}, "since": "2026-02-01", "until": "2026-01-01",
         "having": {"item.brand": {"matches": "."}}},
        {"sequence": [{"did": "*"}, {"did_not": "*", "where": {"v": 1}, "within_next": "1h"}],
         "same": ["unknown"]},
    ],
    ids=["empty window", "unknown key"],
)  # fmt: skip
def test_why_of_what_no_data_can_answer(asked):
    """Beside another condition that reads events: a column that only the constant one names."""
    world = draw(ann=[at("-1d", item_id="a", v=1)], items={"a": {"brand": "N"}})
    segment = Segment.model_validate({"id": "it", "where": {"none": [{"did": "*"}, asked]}})
    scene = scene_of(world)
    with opened(scene) as (engine, catalog):
        root = why(engine, planned(scene, Asked((segment,)), catalog), "it", 1)
    assert not root.holds


@some_seeds(6_000, 1, 9)
def test_why_says_what_is_true_of_every_part(seed):
    """Each node of an explanation holds as the oracle says; evidence is the person's own."""
    scene, asked = seeded(seed, 8)
    right = expected(scene, asked)
    moment = Moment(scene.world, scene.as_of_us, scene.zone, length(scene.session_gap))
    stored = {(e.person, e.ts, e.event_id, e.event) for e in scene.world.events}

    def check(node: WhyNode, condition: Condition, person: int) -> None:
        assert node.holds == true(condition, person, moment, right.members.__getitem__), node
        for event in node.events:
            assert event.ts_us < scene.as_of_us
            assert (person, event.ts_us, event.event_id, event.event) in stored
        for member, inner in zip(node.members, children(condition), strict=False):
            check(member, inner, person)

    with opened(scene) as (engine, catalog):
        made = planned(scene, asked, catalog)
        for segment in (each for one in asked.segments for each in with_variants(one)):
            for person in sorted(right.universe)[:3]:
                root = why(engine, made, segment.id, person)
                where, *exclusions = root.members
                assert root.holds == (person in right.members[segment.id])
                assert where.holds == (person in right.matched[segment.id])
                check(where, segment.where, person)
                for node in exclusions:
                    assert node.role == "exclusion"
                    assert node.holds == (person in right.members[node.segment])
