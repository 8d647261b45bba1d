"""Which segments a segment needs, and an order in which every one comes after those."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from fewer.errors import CycleError, DefinitionError, NotFoundError
from fewer.model.condition import InSegment, walk
from fewer.model.segment import Segment


def by_id(segments: Sequence[Segment]) -> dict[str, Segment]:
    """Segments by id, in order; raise `DefinitionError` when an id is used twice."""
    found: dict[str, Segment] = {}
    for segment in segments:
        if segment.id in found:
            raise DefinitionError(f"Two segments have the id {segment.id!r}; each id once.")
        found[segment.id] = segment
    return found


def exclusions(segment: Segment, defaults: Sequence[str]) -> tuple[str, ...]:
    """Ids whose members are removed: the segment's own, then the project's defaults.

    A segment that is itself one of the defaults is computed without them.
    """
    inherited = defaults if segment.exclude_defaults and segment.id not in defaults else ()
    return tuple(dict.fromkeys((*segment.exclude, *inherited)))


def references(segment: Segment, defaults: Sequence[str]) -> tuple[str, ...]:
    """Ids of all segments that must be known before this one, each once."""
    inside = (c.in_segment for c in walk(segment.where) if isinstance(c, InSegment))
    return tuple(dict.fromkeys((*inside, *exclusions(segment, defaults))))


def dependency_order(needs: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """All ids, each after those it needs.

    Raises:
        NotFoundError: a segment refers to one that does not exist.
        CycleError: segments refer to one another in a circle, which the message names.

    >>> dependency_order({"a": ["b"], "b": []})
    ('b', 'a')
    """
    done: dict[str, None] = {}
    for start in needs:
        _visit(start, needs, done)
    return tuple(done)


def _visit(start: str, needs: Mapping[str, Collection[str]], done: dict[str, None]) -> None:
    path = {start: iter(needs[start])}  # explicit, as chains may be longer than Python's stack
    while path:
        current = next(reversed(path))
        for following in path[current]:
            if following not in needs:
                raise NotFoundError("segment", following, list(needs))
            if following in path:
                raise _cycle(list(path), following)
            if following not in done:
                path[following] = iter(needs[following])
                break
        else:
            del path[current]
            done[current] = None


def _cycle(path: list[str], again: str) -> CycleError:
    circle = [*path[path.index(again) :], again]
    return CycleError(
        f"Segments refer to one another in a circle: {' -> '.join(circle)}."
        " Remove one in_segment or exclude; a segment in the project's own exclude may refer"
        " only to segments with exclude_defaults: false."
    )


def closure(ids: Iterable[str], needs: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The ids and all that they need, directly or not."""
    found: set[str] = set()
    waiting = list(ids)
    while waiting:
        current = waiting.pop()
        if current not in found:
            if current not in needs:
                raise NotFoundError("segment", current, list(needs))
            found.add(current)
            waiting.extend(needs[current])
    return frozenset(found)
