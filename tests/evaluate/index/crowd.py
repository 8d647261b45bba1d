"""A crowd: thousands of people who come in sessions, with every trap of a drawn scene."""

from __future__ import annotations

from dataclasses import replace

from oracle.world import Event, Values, World
from strategies.dice import Seeded
from strategies.scene import Painter, Scene

MINUTE = 60_000_000


def crowd(seed: int, *, people: int, events: int) -> Scene:
    """A scene as `strategies.scene` draws it, its few people replaced by many.

    People come in sessions, some far more often than others; many events share their instant.
    """
    dice = Seeded(seed)
    painter = Painter(dice)
    small = painter.scene()
    traits: list[Values] = [painter._traits() for _ in range(60)]
    numbers = _numbers(dice, people)
    listed = {name: frozenset(p for p in numbers if dice.chance(20)) for name in small.world.lists}
    consents = {
        (person, purpose): dice.pick(("granted", "denied", "unknown"))
        for person in numbers
        for purpose in ("ads", "email")
        if dice.chance(50)
    }
    world = World(
        persons={p: f"person {n}" for n, p in enumerate(numbers)},
        events=tuple(_events(dice, painter, numbers[: people - people // 10], events)),
        people={p: dice.pick(traits) for p in numbers if dice.chance(80)},
        consents=consents,
        items=small.world.items,
        lists=listed,
    )
    return replace(small, world=world)


def _numbers(dice: Seeded, people: int) -> list[int]:
    """Dense numbers, but for a few; or with wide holes between them."""
    step = dice.pick((1, 1, 3, 50_000))
    return [n * step for n in range(people - 1)] + [2**32 - 1 if step > 1 else people]


def _events(dice: Seeded, painter: Painter, people: list[int], count: int):
    properties = [painter._properties() for _ in range(400)]
    made = 0
    while made < count:
        rank = dice.integer(0, len(people) - 1) * dice.integer(0, len(people) - 1)
        person = people[rank // len(people)]
        ts = painter.as_of - dice.integer(-60, 40 * 24 * 60) * MINUTE + dice.pick((0, 0, -1, 1))
        for _ in range(dice.integer(1, 12)):
            name = dice.pick(painter.names)
            yield Event(f"{made * 7919 % 1_000_003:06x}", person, ts, name, dice.pick(properties))
            made += 1
            ts += dice.pick((0, 0, 1, MINUTE, MINUTE, 5 * MINUTE, 29 * MINUTE, 30 * MINUTE))


def sampled(scene: Scene, seed: int) -> Scene:
    """A few people of a crowd with what they did: small enough to draw definitions about."""
    dice = Seeded(seed)
    world = scene.world
    kept = dice.some([*world.persons], 25, 25)
    events: list[Event] = []
    for event in world.events:
        if event.person in kept and len(events) < 150:
            events.append(event)
    return replace(
        scene,
        world=replace(
            world,
            persons={p: world.persons[p] for p in kept},
            events=tuple(events),
            people={p: t for p, t in world.people.items() if p in kept},
            consents={key: s for key, s in world.consents.items() if key[0] in kept},
            lists={name: held & frozenset(kept) for name, held in world.lists.items()},
        ),
    )
