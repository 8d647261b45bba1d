"""References between segments: unknown ones, circles, segments that are the same twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fewer.errors import did_you_mean
from fewer.evaluate.plan.order import exclusions
from fewer.journey.define.rules.base import Finding, Subject, visits
from fewer.journey.define.rules.normal import normal
from fewer.language.node import Path, Place
from fewer.model.condition import InSegment
from fewer.model.segment import LookbackError, Segment, lookback_targets

CODES: Final = {
    "unknown_segment": "A reference to a segment, or to a lookback variant, that does not exist.",
    "segment_cycle": "Segments refer to one another in a circle, by in_segment, exclude or the"
    " project's own exclude.",
    "duplicate_segment": "Two segments have the same condition and the same exclusions.",
    "lookback_unclear": "variants.lookback, and it isn't clear which window it replaces.",
    "lookback_unused": "A behaviour is marked lookback: true, and the segment has no variants.",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """One mention of a segment in another; the place is empty for the project's own exclude."""

    to: str
    path: Path | None


def references(segment: Segment, defaults: tuple[str, ...]) -> Iterator[Reference]:
    """Every mention of other segments, in the order of the file, the project's defaults last."""
    for visit in visits(segment):
        if isinstance(visit.condition, InSegment):
            yield Reference(visit.condition.in_segment, (*visit.path, "in_segment"))
    for number, name in enumerate(segment.exclude):
        yield Reference(name, ("exclude", number))
    for name in exclusions(segment, defaults):
        if name not in segment.exclude:
            yield Reference(name, None)


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about references, lookback variants and duplicates."""
    yield from _lookback(subject)
    yield from unknown(subject)
    yield from circles(subject)
    yield from _duplicates(subject)


def known_ids(subject: Subject) -> dict[str, str]:
    """Every id that may be referred to -> id of the segment that has to be computed for it."""
    found = {}
    for segment in subject.definitions.segments:
        found[segment.id] = segment.id
        for window in segment.variants.lookback if segment.variants else ():
            found[f"{segment.id}@{window}"] = segment.id
    return found


def unknown(subject: Subject) -> Iterator[Finding]:
    """References to segments that do not exist."""
    known = known_ids(subject)
    for segment in subject.definitions.segments:
        for reference in references(segment, ()):
            if reference.to not in known and reference.path is not None:
                message = f"There is no segment {reference.to!r}."
                yield subject.warn(
                    segment,
                    reference.path,
                    "unknown_segment",
                    message,
                    _nearest(reference.to, known),
                    severity="error",
                )
    for name in subject.exclude:
        if name not in known:
            message = f"The project's own exclude names {name!r}, which is no segment."
            yield Finding("error", "unknown_segment", message, hint=_nearest(name, known))


def _nearest(name: str, known: Mapping[str, str]) -> str:
    base, at, _ = name.partition("@")
    if at and base in known:
        made = [other for other in known if other.startswith(f"{base}@")]
        if made:
            return f"The variants of {base!r} are {', '.join(made)}."
        return f"{base!r} has no lookback variants: add variants: {{lookback: [...]}} to it."
    near = did_you_mean(name, [other for other in known if at or "@" not in other]).strip()
    return near or "Segments: " + (", ".join(sorted(known)[:20]) or "none") + "."


def circles(subject: Subject) -> Iterator[Finding]:
    """Circles of references, each once, named in full."""
    known = known_ids(subject)
    edges: dict[str, dict[str, Path | None]] = {}
    for segment in subject.definitions.segments:
        to = edges.setdefault(segment.id, {})
        for reference in references(segment, subject.exclude):
            if reference.to in known:
                to.setdefault(known[reference.to], reference.path)
    for circle in _circles(edges):
        yield _circle(subject, circle, edges)


def _circles(edges: Mapping[str, Mapping[str, Path | None]]) -> Iterator[list[str]]:
    """One circle for each step that closes one, by depth-first search without recursion."""
    done: set[str] = set()
    for start in edges:
        path = {start: iter(edges[start])} if start not in done else {}
        while path:
            current = next(reversed(path))
            following = next(path[current], None)
            if following is None:
                del path[current]
                done.add(current)
            elif following in path:
                way = list(path)
                yield way[way.index(following) :]
            elif following not in done:
                path[following] = iter(edges[following])


def _circle(
    subject: Subject, circle: list[str], edges: Mapping[str, Mapping[str, Path | None]]
) -> Finding:
    named = " -> ".join([*circle, circle[0]])
    steps = list(zip(circle, [*circle[1:], circle[0]], strict=True))
    written = [(one, edges[one][two]) for one, two in steps if edges[one][two] is not None]
    by_default = [one for one, two in steps if edges[one][two] is None]
    message = f"Segments refer to one another in a circle: {named}."
    hint = "Take one of these references out."
    if by_default:
        hint = (
            f"{by_default[0]!r} has the project's own exclusions: write exclude_defaults: false"
            " in it, or take one of these references out."
        )
    if len(circle) == 1:
        message, hint = f"The segment {circle[0]!r} refers to itself.", "Take the reference out."
    place, name = Place(), circle[0]
    if written and (path := written[0][1]) is not None:
        name = written[0][0]
        place = subject.definitions.place(name, path)
    return Finding("error", "segment_cycle", message, place, hint, name)


def _lookback(subject: Subject) -> Iterator[Finding]:
    for segment in subject.definitions.segments:
        marks = [v for v in visits(segment) if getattr(v.condition, "lookback", False)]
        if segment.variants is None:
            for visit in marks:
                message = "This window is marked lookback: true, and the segment has no variants."
                hint = "Write variants: {lookback: [7d, 14d]} in the segment, or remove the mark."
                path = (*visit.path, "lookback")
                yield subject.warn(segment, path, "lookback_unused", message, hint, key=True)
            continue
        try:
            lookback_targets(segment.where)
        except LookbackError as error:
            bare = [v for v in marks if getattr(v.condition, "within", None) is None]
            path = (*bare[0].path, "lookback") if bare else ("variants", "lookback")
            message = f"It isn't clear which window to vary: {error}."
            yield subject.warn(
                segment, path, "lookback_unclear", message, key=True, severity="error"
            )


def _duplicates(subject: Subject) -> Iterator[Finding]:
    seen: dict[tuple[object, ...], str] = {}
    for segment in subject.definitions.segments:
        what = (
            normal(segment.where),
            frozenset(exclusions(segment, subject.exclude)),
            segment.variants,
        )
        first = seen.setdefault(what, segment.id)
        if first != segment.id:
            message = f"{segment.id!r} has the same people as {first!r} at any time."
            hint = "Remove one of them, or change its condition."
            yield subject.warn(segment, ("id",), "duplicate_segment", message, hint)
