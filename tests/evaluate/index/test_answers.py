"""Random definitions over several data files; answers kept from before; stops; threads."""

from __future__ import annotations

import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from conformance.engines import answered, expected, planned
from conformance.smallest import report
from conftest import SOAK
from evaluate.index.crowd import crowd, sampled
from evaluate.index.indexed import EVERY, TINY, afresh, indexed
from fewer.errors import StoppedError
from fewer.evaluate.engines.base import EngineSettings
from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.engines.embedded import EmbeddedEngine
from fewer.evaluate.index import cache, counting, distinct, ordering, part, summing
from fewer.model.window import Duration
from strategies.definition import seeded, segments
from strategies.dice import Seeded

FIRST = int(os.environ.get("FEWER_SEED", "0"))
DEFINITIONS = 60


def place_by(seed: int, files: int):
    """Data files that overlap in time: an event may lie in any."""
    return lambda e: f"day={zlib.crc32(f'{seed} {e.event_id}'.encode()) % files}/part-0.parquet"


def drawn(seed: int, folder, files: int = 4):
    """A drawn world in several files, and definitions to ask of it."""
    scene, asked = seeded(seed, DEFINITIONS)
    return indexed(scene.world, folder, place_by(seed, files)), scene, asked


def agree(shop, scene, asked, **settings):
    """Fail with the case unless the engine says what the oracle says."""
    engine = EmbeddedEngine.open(shop.dataset(), EngineSettings(**settings))
    found = answered(engine.evaluate(planned(scene, asked, shop.catalog)))
    engine.close()
    right = expected(scene, asked)
    assert found == right, report((scene, asked), "differs", found, right)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + 6))
def test_many_definitions_over_several_files(tmp_path, seed):
    agree(*drawn(seed, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FIRST + 100, FIRST + 100 + 25 * SOAK))
def test_many_more_definitions_over_several_files(tmp_path, seed):
    agree(*drawn(seed, tmp_path, files=1 + seed % 9), threads=1 + seed % 4)


@pytest.mark.parametrize("seed", range(FIRST + 200, FIRST + 204))
def test_nothing_that_is_remembered_is_needed(tmp_path, seed, monkeypatch):
    """What parts remember is forgotten all the time, on four threads."""
    monkeypatch.setattr(part, "_MOST_REMEMBERED", seed % 3)
    agree(*drawn(seed, tmp_path), threads=4)


WAYS = {
    "wide counters": (counting, "_SMALL", -1),
    "counters stop at one": (counting, "_SMALL", 1),
    "values by sorting": (distinct, "_MOST_BITS", 0),
    "keys by sorting": (distinct, "_WIDE", -1_000_000),
    "sums in halves": (summing, "_SAFE", 0),
    "people in slices": (ordering, "MOST_ROWS", 3),
}


def test_values_by_sorting_of_people_in_slices(tmp_path, monkeypatch):
    monkeypatch.setattr(distinct, "_MOST_BITS", 0)
    monkeypatch.setattr(ordering, "MOST_ROWS", 5)
    for seed in range(FIRST + 303, FIRST + 306):
        agree(*drawn(seed, tmp_path / str(seed)))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_to_the_answer(tmp_path, way, monkeypatch):
    """Ways that size decides are taken whatever the size."""
    monkeypatch.setattr(*way)
    for seed in (FIRST + 301, FIRST + 302):
        agree(*drawn(seed, tmp_path / str(seed)))


@pytest.mark.parametrize("seed", range(FIRST + 400, FIRST + 403))
def test_threads_agree(tmp_path, seed):
    shop, scene, asked = drawn(seed, tmp_path)
    plan = planned(scene, asked, shop.catalog)
    answers = []
    for threads in (1, 4, 1, 16):
        afresh()
        engine = EmbeddedEngine.open(shop.dataset(), EngineSettings(threads=threads))
        answers.append(answered(engine.evaluate(plan)))
        engine.close()
    assert answers == answers[:1] * 4


# ------------------------------------------------------------------------- answers kept from before


@pytest.fixture
def shop(tmp_path):
    return indexed(TINY, tmp_path)


def test_what_was_answered_before_is_not_asked_again(shop):
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    with shop.engine() as engine:
        first = engine.evaluate(plan)
        again = engine.evaluate(plan)
        assert answered(again) == answered(first) == shop.right()
        assert (first.facts["cache_hits"], first.facts["rows_read"] > 0) == (0, True)
        assert again.facts["cache_hits"] == again.facts["leaves"] == first.facts["leaves"]
        assert again.facts["rows_read"] == 0


def test_an_edit_asks_what_is_new_and_no_more(shop):
    with shop.engine() as engine:
        for number in range(1, len(EVERY) + 1):
            scene, asked = shop.asked(*EVERY[:number])
            found = engine.evaluate(planned(scene, asked, shop.catalog))
            assert answered(found) == expected(scene, asked)
            assert found.facts["leaves"] - found.facts["cache_hits"] <= 1


def test_answers_do_not_outlive_what_they_depend_on(shop):
    """Another moment, zone or session gap: the same definitions, other answers."""
    sessions = {
        "sequence": [{"did": "cart"}, {"did": "buy"}],
        "same": ["session_id"],
    }
    days = {"did": "*", "days": {"at_least": 3}}
    week = {"did": "view", "within": "3d", "calendar": True}
    conditions = (*EVERY, sessions, days, week)
    scene, asked = shop.asked(*conditions)
    day = 86_400_000_000
    scenes = [
        replace(scene, as_of_us=scene.as_of_us + shift, timezone=zone, session_gap=gap)
        for shift in (0, -day, 2 * day, 1)
        for zone in ("UTC", "Pacific/Apia", "America/New_York")
        for gap in (Duration.parse("30m"), Duration.parse("2d"))
    ]
    with shop.engine() as engine:
        for other in (*scenes, *scenes[::-1]):
            found = engine.evaluate(planned(other, asked, shop.catalog))
            assert answered(found) == expected(other, asked)


def test_answers_belong_to_whoever_asked(shop):
    """A caller may change the sets that it was given."""
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    with shop.engine() as engine:
        for _ in range(2):
            found = engine.evaluate(plan)
            assert answered(found) == shop.right()
            for people in (found.universe, *found.matched.values(), *found.members.values()):
                people.clear()
                people.add(77)


def test_too_many_answers_are_let_go(shop, monkeypatch):
    from fewer.evaluate.engines import embedded

    monkeypatch.setattr(embedded, "_MOST_KNOWN", 64)
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    with shop.engine() as engine:
        for _ in range(3):
            assert answered(engine.evaluate(plan)) == shop.right()


def test_a_process_that_lives_long_remembers_no_more_than_it_may(shop, monkeypatch):
    """Thousands of edits, and engine after engine over the same parts."""
    monkeypatch.setattr(part, "_LEAST_ROOM", 300)
    monkeypatch.setattr(cache, "_ROOM", 300)
    shop = replace(shop, settings=EngineSettings(threads=1))  # two may count one array twice
    afresh()
    held = set()
    for number in range(20):
        tests = [{"contains": f"{number}"}, {"ends_with": f"ing{number}"}, {"starts_with": "/p"}]
        where = [{"did": "*", "where": {"path": test}} for test in tests]
        scene, asked = shop.asked(*where, *EVERY)
        with shop.engine() as engine:
            found = engine.evaluate(planned(scene, asked, shop.catalog))
            assert answered(found) == expected(scene, asked)
            parts = engine.prepare().parts
        for each in parts:
            assert each.held == sum(array.nbytes for array in each.memo.values())
            held.add(each.held)
    assert max(held) <= 300


# ------------------------------------------------------------------------------- stops, and threads


def test_stopped_at_every_moment(shop):
    """The next evaluation is right, whatever was half done."""
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    stopped = 0
    with shop.engine() as engine:
        for moment in range(200):
            left = moment

            def should_stop():
                nonlocal left
                left -= 1
                return left < 0

            try:
                found = engine.evaluate(plan, should_stop=should_stop)
            except StoppedError:
                stopped += 1
                if moment % 5 == 0:
                    assert answered(engine.evaluate(plan)) == shop.right()
                engine._known.clear()
                continue
            assert answered(found) == shop.right()
            break
        else:
            pytest.fail("never came to an end")
    assert stopped > 10


def test_progress_is_told(shop):
    told = []
    scene, asked = shop.asked()
    with shop.engine() as engine:
        engine.prepare()
        plan = planned(scene, asked, shop.catalog)
        engine.evaluate(plan, progress=lambda *what: told.append(what))
    assert [done for _, done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, _, total in told} == {len(told)}
    assert any(name == "counts: buy" for name, _, _ in told)


def test_several_threads_ask_one_engine(tmp_path):
    """And engines of their own over the same parts."""
    shop, scene, asked = drawn(FIRST + 500, tmp_path)
    plan = planned(scene, asked, shop.catalog)
    right = expected(scene, asked)
    with shop.engine() as one, shop.engine() as two, ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(e.evaluate, plan) for _ in range(4) for e in (one, two)]
        for job in jobs:
            assert answered(job.result()) == right


# ---------------------------------------------------------------------------------- a larger world


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FIRST + 600, FIRST + 600 + 2 * SOAK))
def test_the_same_as_duckdb_on_a_crowd(tmp_path, seed):
    """50,000 events of 2,000 people in some hundred files; 200 definitions in one plan."""
    scene = crowd(seed, people=2_000, events=50_000)
    asked = segments(Seeded(seed), sampled(scene, seed), 200)
    assert len(asked.segments) == 200
    files = place_by(seed, 3)
    shop = indexed(scene.world, tmp_path, lambda e: f"{e.ts // 86_400_000_000}/{files(e)}")
    plan = planned(scene, asked, shop.catalog)
    duck = DuckDBEngine(shop.relations, shop.catalog)
    right = duck.evaluate(plan)
    duck.close()
    for threads in (1, 4):
        afresh()
        engine = EmbeddedEngine.open(shop.dataset(), EngineSettings(threads=threads))
        found = engine.evaluate(plan)
        engine.close()
        wrong = [i for i in plan.ids if found.matched[i] != right.matched[i]]
        shown = [s for s in asked.segments if s.id in wrong or s.id.split("@")[0] in wrong]
        assert not wrong, (seed, [s.where for s in shown][:3])
        assert answered(found) == answered(right)
    parted = sum(0 < len(people) < len(right.universe) for people in right.matched.values())
    assert parted > 80
