"""Identities that are one person: the index reads events as theirs, whatever files say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.engines import answered, expected, planned
from evaluate.index.indexed import EVERY, TINY, afresh, indexed
from evaluate.index.test_answers import FIRST, drawn
from evaluate.index.test_damage import flip, sections
from fewer.evaluate.engines.base import EngineSettings
from fewer.evaluate.engines.embedded import EmbeddedEngine
from strategies.dice import Seeded


def merged(scene, merges):
    """The scene as it is when these identities are those persons."""
    events = (replace(e, person=merges.get(e.person, e.person)) for e in scene.world.events)
    return replace(scene, world=replace(scene.world, events=tuple(events)))


def opened(shop, merges, **settings):
    """An engine over the same files and other identities."""
    if merges:
        dataset = shop.dataset(files=(), unmerged=shop.files, merges=merges)
    else:
        dataset = shop.dataset()
    return EmbeddedEngine.open(dataset, EngineSettings(**settings))


@pytest.mark.parametrize("seed", range(FIRST + 700, FIRST + 704))
def test_drawn_identities_of_drawn_worlds(tmp_path, seed):
    """Merged, merged otherwise and split again, over one index."""
    shop, scene, asked = drawn(seed, tmp_path)
    plan = planned(scene, asked, shop.catalog)
    dice = Seeded(seed)
    people = sorted(scene.world.persons)
    for size in (1, 2, 0, 3, len(people) - 1):
        gone = dice.some(people, size, size)
        left = [person for person in people if person not in gone]
        merges = {identity: dice.pick(left) for identity in gone}
        engine = opened(shop, merges)
        found = answered(engine.evaluate(plan))
        engine.close()
        assert found == expected(merged(scene, merges), asked), merges


@pytest.fixture
def shop(tmp_path):
    return indexed(TINY, tmp_path)


def test_only_parts_that_are_concerned_are_made_anew(shop):
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    files = {p: {e.ts // 86_400_000_000 for e in TINY.events if e.person == p} for p in (1, 2, 3)}
    made = []
    for merges in ({}, {2: 1}, {2: 1}, {2: 1, 99: 98}, {2: 4}, {}, {}):
        engine = opened(shop, merges)
        found = engine.evaluate(plan)
        engine.close()
        assert answered(found) == expected(merged(scene, merges), asked)
        made.append(found.facts["parts_made"])
    of_two = len(files[2])
    assert made == [len(shop.files), of_two, 0, 0, of_two, of_two, 0]


def test_engines_of_different_identities_at_once(shop):
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    cases = [{}, {1: 2}, {2: 1, 3: 1}, {3: 4, 2: 4}]
    engines = [opened(shop, merges) for merges in cases]
    for engine in engines:
        engine.prepare()
    for engine, merges in [*zip(engines, cases, strict=True)] * 2:
        found = answered(engine.evaluate(plan))
        assert found == expected(merged(scene, merges), asked), merges
    for engine in engines:
        engine.close()


def test_every_part_is_damaged(shop):
    """One after another is found and made anew, with the same identities."""
    scene, asked = shop.asked(*EVERY)
    plan = planned(scene, asked, shop.catalog)
    merges = {2: 1, 3: 4}
    right = expected(merged(scene, merges), asked)
    opened(shop, merges).prepare()
    for part in shop.parts:
        for begin, size in sections(part).values():
            flip(part, begin + size // 2)
    afresh()
    engine = opened(shop, merges, threads=4)
    assert answered(engine.evaluate(plan)) == right
    engine.close()
