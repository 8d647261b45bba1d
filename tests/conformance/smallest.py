"""From a large case that fails to a small one that fails in the same way, and how to show it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fewer.model.segment import Segment
from oracle.clock import local
from oracle.segments import Answer
from oracle.world import Instant, World
from strategies.definition import Asked
from strategies.scene import Scene

Case = tuple[Scene, Asked]

Fault = Callable[[Scene, Asked], str]
"""How an engine is wrong about a case: one line, the same for the same fault; "" when right."""


def fault_of(found: Callable[[Scene, Asked], Answer], right: Callable[..., Answer]) -> Fault:
    """Compare an engine with the oracle; an engine that raises is wrong too."""

    def fault(scene: Scene, asked: Asked) -> str:
        try:
            wanted = right(scene, asked)
        except KeyError:  # a segment that others refer to was taken away
            return ""
        try:
            got = found(scene, asked)
        except Exception as error:  # noqa: BLE001  any error of an engine is a fault of it
            return f"raises {type(error).__name__}"
        if got.universe != wanted.universe:
            return "universe"
        if got.matched != wanted.matched:
            return "matched"
        return "" if got.members == wanted.members else "members"

    return fault


def smallest(case: Case, fault: Fault, *, tries: int = 1500) -> Case:
    """Take away whatever can be, as long as the fault stays the same."""
    wanted = fault(*case)
    left = tries
    shrunk = True
    while shrunk and left:
        shrunk = False
        for smaller in _smaller(case):
            left -= 1
            if fault(*smaller) == wanted:
                case, shrunk = smaller, True
                break
            if not left:
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    scene, asked = case
    for segments in _halves(asked.segments):
        yield scene, replace(asked, segments=tuple(segments))
    if asked.default_exclude:
        yield scene, replace(asked, default_exclude=())
    for n, segment in enumerate(asked.segments):
        for other in _smaller_segments(segment):
            changed = (*asked.segments[:n], other, *asked.segments[n + 1 :])
            yield scene, replace(asked, segments=changed)
    for world in _smaller_worlds(scene.world):
        yield replace(scene, world=world), asked


def _halves(values: Any) -> Iterator[list[Any]]:
    """Without the first half, without the second, a quarter ..., each one."""
    size = len(values)
    while size:
        for start in range(0, len(values), size):
            yield [*values[:start], *values[start + size :]]
        size //= 2


# ---------------------------------------------------------------------------------- definitions


def _smaller_segments(segment: Segment) -> Iterator[Segment]:
    written = segment.model_dump(by_alias=True, exclude_defaults=True)
    for smaller in _smaller_trees(written):
        try:
            yield Segment.model_validate(smaller)
        except ValueError:
            continue


def _smaller_trees(tree: Any) -> Iterator[Any]:
    """Written forms with something taken out, or with a part in place of the whole."""
    parts = list(tree.items()) if isinstance(tree, Mapping) else list(enumerate(tree))
    if isinstance(tree, str):
        return
    for key, part in parts:
        rest = [(k, v) for k, v in parts if k != key]
        rebuilt = dict(rest) if isinstance(tree, Mapping) else [v for _, v in rest]
        yield rebuilt
        if isinstance(part, Mapping | list | tuple):
            yield part
            for smaller in _smaller_trees(part):
                changed = [(k, smaller if k == key else v) for k, v in parts]
                yield dict(changed) if isinstance(tree, Mapping) else [v for _, v in changed]


# --------------------------------------------------------------------------------------- worlds


def _smaller_worlds(world: World) -> Iterator[World]:
    for persons in _halves(list(world.persons)):
        yield _only(world, set(persons))
    for events in _halves(world.events):
        yield replace(world, events=tuple(events))
    for name in ("people", "consents", "items", "lists"):
        for keys in _halves(list(getattr(world, name))):
            changes: Any = {name: {key: getattr(world, name)[key] for key in keys}}
            yield replace(world, **changes)
    for n, event in enumerate(world.events):
        for names in _halves(list(event.properties)):
            fewer = replace(event, properties={k: event.properties[k] for k in names})
            yield replace(world, events=(*world.events[:n], fewer, *world.events[n + 1 :]))
    for name in ("people", "items"):
        for key, values in getattr(world, name).items():
            for names in _halves(list(values)):
                changes = {name: {**getattr(world, name), key: {k: values[k] for k in names}}}
                yield replace(world, **changes)


def _only(world: World, persons: set[int]) -> World:
    return World(
        persons={p: key for p, key in world.persons.items() if p in persons},
        events=tuple(e for e in world.events if e.person in persons),
        people={p: traits for p, traits in world.people.items() if p in persons},
        consents={k: state for k, state in world.consents.items() if k[0] in persons},
        items=world.items,
        lists={name: people & persons for name, people in world.lists.items()},
    )


# --------------------------------------------------------------------------------------- report


def report(case: Case, fault: str, found: Answer | Exception, right: Answer) -> str:
    """The case in full, and who is in too much or too little."""
    scene, asked = case
    lines = [f"\nThe engine differs from the oracle: {fault}.", *_scene_lines(scene)]
    lines += [f"  default exclude: {list(asked.default_exclude)}"] if asked.default_exclude else []
    for segment in asked.segments:
        written = segment.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        lines.append(f"  segment: {json.dumps(written, ensure_ascii=False)}")
    if isinstance(found, Exception):
        return "\n".join([*lines, f"  raised: {type(found).__name__}: {found}"])
    for part in ("matched", "members"):
        for id_, wanted in getattr(right, part).items():
            got = getattr(found, part).get(id_)
            if got != wanted:
                lines.append(f"  {part} of {id_}: {_people(got)}, should be {_people(wanted)}")
    if found.universe != right.universe:
        lines.append(f"  universe: {_people(found.universe)}, not {_people(right.universe)}")
    return "\n".join(lines)


def _people(people: frozenset[int] | None) -> str:
    return "absent" if people is None else str(sorted(people))


def _scene_lines(scene: Scene) -> list[str]:
    world, as_of = scene.world, local(scene.as_of_us, scene.zone)
    gap = scene.session_gap
    lines = [
        f"  as_of {scene.as_of_us} = {as_of.isoformat()} {scene.timezone}, session gap {gap}",
        f"  persons: {dict(world.persons)}",
    ]
    ordered = sorted(world.events, key=lambda e: (e.person, e.ts, e.event_id))
    lines += [
        f"  event: person {e.person} at as_of{e.ts - scene.as_of_us:+,} us"
        f" ({local(e.ts, scene.zone).isoformat()})"
        f" {e.event!r} id {e.event_id!r} {_values(e.properties)}"
        for e in ordered
    ]
    lines += [f"  people: {p} {_values(traits)}" for p, traits in world.people.items()]
    lines += [f"  item: {id_!r} {_values(values)}" for id_, values in world.items.items()]
    lines += [f"  list: {name!r} {sorted(people)}" for name, people in world.lists.items()]
    lines += [f"  consent: {key} {state}" for key, state in world.consents.items()]
    return lines


def _values(values: Mapping[str, Any]) -> str:
    shown = {k: f"@{v.us}" if isinstance(v, Instant) else v for k, v in values.items()}
    return str({k: v if isinstance(v, str | bool) else str(v) for k, v in shown.items()})
