"""Where a question is asked: a world at an as_of, in a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from oracle.world import Event, Value, World


@dataclass(frozen=True)
class Moment:
    """A world seen at `as_of` (UTC microseconds): nothing at or after it is read."""

    world: World
    as_of: int
    zone: ZoneInfo
    session_gap: int  # microseconds

    @cached_property
    def universe(self) -> frozenset[int]:
        """Every person in `people`, or with at least one event before as_of."""
        return frozenset(self.world.people) | frozenset(self._histories)

    def history(self, person: int) -> list[Event]:
        """A person's events before as_of; ties ordered by event id, as UTF-8 bytes."""
        return self._histories.get(person, [])

    @cached_property
    def _histories(self) -> dict[int, list[Event]]:
        histories: dict[int, list[Event]] = {}
        for event in sorted(self.world.events, key=lambda e: (e.ts, e.event_id.encode())):
            if event.ts < self.as_of:
                histories.setdefault(event.person, []).append(event)
        return histories

    def value(self, event: Event, name: str) -> Value | None:
        """A property of an event, or with ``item.`` an attribute of its item; None: missing."""
        if not name.startswith("item."):
            return event.properties.get(name)
        item_id = event.properties.get("item_id")
        item = self.world.items.get(item_id, {}) if isinstance(item_id, str) else {}
        return item.get(name.removeprefix("item."))

    def session(self, event: Event) -> int:
        """Number of the person's session that holds the event: a gap of 30 minutes ends one."""
        times = [e.ts for e in self.history(event.person) if e.ts <= event.ts]
        return sum(b - a >= self.session_gap for a, b in pairwise(times))
