"""Laws that hold whatever the definition means: an engine is compared with itself.

They would catch a mistake that the oracle and an engine share, as both read the same page.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from fewer.model.segment import Segment
from fewer.model.window import Duration, Windowed
from oracle.segments import Answer
from oracle.world import Event, Instant, Value, World
from strategies.definition import Asked, Conditions, seeded
from strategies.dice import Seeded
from strategies.predicate import Written
from strategies.scene import Painter, Scene

DAY = 86_400_000_000


def some_seeds(quick: int, slow: int) -> pytest.MarkDecorator:
    """A few worlds in every run, more in the slow one."""
    more = [pytest.param(1_000 + n, marks=pytest.mark.slow) for n in range(quick, quick + slow)]
    return pytest.mark.parametrize("seed", [*range(1_000, 1_000 + quick), *more])


seeds = some_seeds(1, 7)


def drawn(seed: int, count: int = 25) -> tuple[Scene, list[Written]]:
    """A scene, and conditions that part its people where that can be had."""
    dice = Seeded(seed)
    scene = Painter(dice).scene()
    conditions = Conditions(dice, scene)
    written: list[Written] = []
    while len(written) < count:
        where = conditions.draw()
        if conditions.part_people(where) or dice.chance(20):
            written.append(where)
    return scene, written


def members(engine: Any, scene: Scene, conditions: Sequence[Written]) -> list[frozenset[int]]:
    """Members for each condition, asked in one plan."""
    segments = [
        Segment.model_validate({"id": f"c{n}", "where": where})
        for n, where in enumerate(conditions)
    ]
    found: Answer = engine.answer(scene, Asked(tuple(segments)))
    return [found.members[segment.id] for segment in segments]


def members_of_each(
    engine: Any, scene: Scene, asked: Sequence[Sequence[Written]]
) -> list[list[frozenset[int]]]:
    """Members for each condition of each list, all asked in one plan: one job on Spark."""
    found = iter(members(engine, scene, [where for some in asked for where in some]))
    return [[next(found) for _ in some] for some in asked]


# --------------------------------------------------------------------------------------- logic


@seeds
def test_booleans(engine, seed):
    scene, conditions = drawn(seed)
    pairs = list(zip(conditions, [*conditions[1:], conditions[0]], strict=True))
    [everyone], a = members_of_each(engine, scene, [[{"all": []}], conditions])
    b = [*a[1:], a[0]]
    laws: list[tuple[Callable[[Any, Any], Written], Callable[..., frozenset[int]]]] = [
        (lambda x, _: {"not": x}, lambda x, _: everyone - x),
        (lambda x, _: {"not": {"not": x}}, lambda x, _: x),
        (lambda x, y: {"all": [x, y]}, lambda x, y: x & y),
        (lambda x, y: {"any": [x, y]}, lambda x, y: x | y),
        (lambda x, y: {"none": [x, y]}, lambda x, y: everyone - x - y),
        (lambda x, y: {"any": [{"all": [x, y]}, {"all": [x, {"not": y}]}]}, lambda x, _: x),
    ]
    written = [[made(x, y) for x, y in pairs] for made, _ in laws]
    for found, (_, right) in zip(members_of_each(engine, scene, written), laws, strict=True):
        assert found == [right(x, y) for x, y in zip(a, b, strict=True)]


@seeds
def test_did_not_is_the_complement_of_did(engine, seed):
    scene, conditions = drawn(seed, 60)
    plain = [w for w in conditions if "did" in w and _measured(w) == {}]
    plain += [{**w, "did": w["did_not"]} for w in conditions if "did_not" in w]
    did = [{k: v for k, v in w.items() if k != "did_not"} for w in plain]
    not_ = [{"did_not": w["did"], **{k: v for k, v in w.items() if k != "did"}} for w in did]
    assert did
    found = members(engine, scene, [*did, *not_, *({"not": w} for w in did)])
    assert found[len(did) : 2 * len(did)] == found[2 * len(did) :]


def _measured(written: Written) -> Written:
    plain = {"did", "where", *Windowed.model_fields, "lookback"}
    return {key: value for key, value in written.items() if key not in plain}


# ------------------------------------------------------------------------------------ monotony


@seeds
def test_a_longer_window_holds_more(engine, seed):
    """For what more events can only make true: enough matches, a burst, a chain of steps."""
    scene, conditions = drawn(seed, 80)
    growing = [where for where in conditions if _grows(where)]
    assert growing
    spans = [Duration.parse(text) for text in ("30m", "1d", "3d", "1w", "30d")]
    asked = [[{**_timeless(w), "within": str(span)} for w in growing] for span in spans]
    asked.append([_timeless(where) for where in growing])
    found = members_of_each(engine, scene, asked)
    for shorter, longer in pairwise(found):
        assert all(a <= b for a, b in zip(shorter, longer, strict=True))


def _grows(where: Written) -> bool:
    match where:
        case {"did": _}:
            measure = _measured(where)
            bounds = measure.get("count") or measure.get("days") or measure.get("distinct") or {}
            return not measure or "burst" in measure or set(bounds) - {"of"} == {"at_least"}
        case {"sequence": _}:
            return True  # absent steps look beyond the window, whatever it is
        case _:
            return False


def _timeless(where: Written) -> Written:
    windows = {"within", "between", "since", "until", "calendar"}
    return {key: value for key, value in where.items() if key not in windows}


@seeds
def test_bounds_nest(engine, seed):
    scene, conditions = drawn(seed, 60)
    counted = [w for w in conditions if "did" in w and not {"periods", "burst"} & set(w)]
    plain = [{k: v for k, v in w.items() if k not in _measured(w)} for w in counted]
    bounds = {
        ">=1": ("at_least", 1), ">=2": ("at_least", 2), ">1": ("more_than", 1),
        "=1": ("exactly", 1), "<=1": ("at_most", 1), "<2": ("less_than", 2),
        "in": ("between", [1, 1]), "=0": ("exactly", 0),
    }  # fmt: skip
    asked = [[{**w, "count": {name: n}} for w in plain] for name, n in bounds.values()]
    [everyone], *found = members_of_each(engine, scene, [[{"all": []}], *asked])
    ask = dict(zip(bounds, found, strict=True))
    assert ask[">=2"] == ask[">1"]
    assert ask["<=1"] == ask["<2"] == [everyone - two for two in ask[">=2"]]
    assert ask["in"] == ask["=1"]
    assert ask["=0"] == [everyone - one for one in ask[">=1"]]
    assert [x | y for x, y in zip(ask["=1"], ask[">=2"], strict=True)] == ask[">=1"]


# --------------------------------------------------------------------- what must not matter


@seeds
def test_asked_alone_or_together(engine, seed):
    """Segments of a build share work; none may notice the others."""
    scene, conditions = drawn(seed, 12)
    together = members(engine, scene, conditions)
    assert together == [members(engine, scene, [where])[0] for where in conditions]


@seeds
def test_order_of_segments_and_of_exclusions(engine, seed):
    scene, asked = seeded(seed, 40)
    found = engine.answer(scene, asked)
    shuffled = list(asked.segments)
    random.Random(seed).shuffle(shuffled)
    turned = [s.model_copy(update={"exclude": s.exclude[::-1]}) for s in shuffled]
    again = Asked(tuple(turned), asked.default_exclude[::-1])
    assert engine.answer(scene, again) == found


@seeds
def test_numbers_of_persons(engine, seed):
    """Other numbers for the same people: the members follow."""
    scene, conditions = drawn(seed)
    persons = list(scene.world.persons)
    number = dict(zip(persons, [n * 7 + 5 for n in range(len(persons))][::-1], strict=True))
    expected = [frozenset(number[p] for p in some) for some in members(engine, scene, conditions)]
    renamed = replace(scene, world=_renumbered(scene.world, number))
    assert members(engine, renamed, conditions) == expected


def _renumbered(world: World, number: dict[int, int]) -> World:
    return World(
        persons={number[p]: key for p, key in world.persons.items()},
        events=tuple(replace(e, person=number[e.person]) for e in world.events),
        people={number[p]: traits for p, traits in world.people.items()},
        consents={(number[p], purpose): s for (p, purpose), s in world.consents.items()},
        items=world.items,
        lists={
            name: frozenset(number.get(p, p) for p in people)
            for name, people in world.lists.items()
        },
    )


@seeds
def test_the_future(engine, seed):
    """Events at or after as_of: take them away, or add more, of anybody."""
    scene, conditions = drawn(seed)
    world, as_of = scene.world, scene.as_of_us
    past = tuple(e for e in world.events if e.ts < as_of)
    more = tuple(
        Event(f"future {n}", person, as_of + n // 3, e.event, e.properties)
        for n, (person, e) in enumerate(zip(list(world.persons) * 2, past * 2, strict=False))
    )
    known = members(engine, scene, conditions)
    assert members(engine, replace(scene, world=replace(world, events=past)), conditions) == known
    later = replace(scene, world=replace(world, events=world.events + more))
    assert members(engine, later, conditions) == known


@some_seeds(2, 18)
def test_shifted_in_time(engine, seed):
    """The whole world moved by whole days, as_of too: the same members, in UTC."""
    scene, conditions = drawn(seed, 40)
    scene = replace(scene, timezone="UTC")
    moving = [where for where in conditions if not _absolute(where)]
    here = members(engine, scene, moving)
    for days in (1, -400, 10_000):
        shifted = replace(
            scene,
            as_of_us=scene.as_of_us + days * DAY,
            world=_shifted(scene.world, days * DAY),
        )
        assert members(engine, shifted, moving) == here


def _absolute(where: Written) -> bool:
    """Whether the calendar's dates matter: they do not move with the world."""
    return any(key in {"since", "until", "before", "after"} for key, _ in _entries(where))


def _entries(tree: Any) -> Iterator[tuple[str, Any]]:
    match tree:
        case dict():
            for key, value in tree.items():
                yield key, value
                yield from _entries(value)
        case list() | tuple():
            for value in tree:
                yield from _entries(value)


def _shifted(world: World, us: int) -> World:
    def moved(values: Any) -> dict[str, Value]:
        return {k: Instant(v.us + us) if isinstance(v, Instant) else v for k, v in values.items()}

    return replace(
        world,
        events=tuple(
            replace(e, ts=e.ts + us, properties=moved(e.properties)) for e in world.events
        ),
        people={p: moved(traits) for p, traits in world.people.items()},
        items={id_: moved(values) for id_, values in world.items.items()},
    )


@seeds
def test_events_nobody_asks_about(engine, seed):
    """Events of a name that no definition mentions change nothing but sessions and "*"."""
    scene, conditions = drawn(seed, 40)
    deaf = [w for w in conditions if not any(v in ("*", ["*"]) for _, v in _entries(w))]
    deaf = [w for w in deaf if "session_id" not in str(w)]
    assert deaf
    active = [e for e in scene.world.events if e.ts < scene.as_of_us]
    noise = tuple(
        replace(e, event_id=f"noise {n}", event="noise", ts=e.ts - n) for n, e in enumerate(active)
    )
    louder = replace(scene, world=replace(scene.world, events=scene.world.events + noise))
    assert members(engine, louder, deaf) == members(engine, scene, deaf)
