"""A frozen plan of delivery: what each audience gains and loses, and why, before it is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from fewer.journey.activate.change import Change
from fewer.model.delivery import Op


@dataclass(frozen=True, slots=True)
class Line:
    """One audience at one destination.

    Counts of `people` are people, those of `rows` rows: a person with two addresses has two.
    """

    destination: str
    type: str
    segment: str
    name: str
    columns: tuple[str, ...]
    members: int
    sendable: int
    removed: Mapping[str, int]  # reason -> people of the segment who are not sent
    change: Change
    coverage: Mapping[str, int]
    unusable: Mapping[str, Mapping[str, int]]
    minimum: int
    blocked: str = ""  # why nothing of it is sent
    warnings: tuple[str, ...] = ()
    base: str = ""  # hash of what was known of the platform
    settings: str = ""  # hash of the destination's settings
    exclusion: bool = False  # to be left out of ads

    @property
    def does(self) -> bool:
        """Whether anything is sent."""
        return not self.blocked and not self.change.empty

    @property
    def words(self) -> str:
        """``pricing_hot -> meta: 40 to add, 3 to remove (3 left the segment), 210 unchanged``."""
        start = f"{self.segment} -> {self.destination}: "
        if self.blocked:
            return f"{start}not sent: {self.blocked}"
        why = ", ".join(f"{n:,} {reason}" for reason, n in self.change.removed_why.items())
        return (
            f"{start}{len(self.change.add):,} to add, {len(self.change.remove):,} to remove"
            f"{f' ({why})' if why else ''}, {self.change.unchanged:,} unchanged"
        )

    def to_json(self) -> dict[str, Any]:
        """Counts and reasons; nothing of a person."""
        return {
            "destination": self.destination,
            "type": self.type,
            "segment": self.segment,
            "name": self.name,
            "columns": list(self.columns),
            "people": {
                "members": self.members,
                "sendable": self.sendable,
                "not_sent": dict(self.removed),
                "coverage": dict(self.coverage),
            },
            "unusable_identifiers": {k: dict(v) for k, v in self.unusable.items()},
            "rows": {
                "add": len(self.change.add),
                "remove": len(self.change.remove),
                "remove_why": dict(self.change.removed_why),
                "unchanged": self.change.unchanged,
                "known": self.change.known,
            },
            "minimum": self.minimum,
            "destroys": self.change.destroys,
            "blocked": self.blocked,
            "warnings": list(self.warnings),
            "words": self.words,
            "base": self.base,
            "settings": self.settings,
            "exclusion": self.exclusion,
        }


@dataclass(frozen=True, slots=True)
class Planned:
    """One batch of a plan, before it is stored."""

    line: int  # place in `Plan.lines`
    op: Op
    tokens: tuple[bytes, ...]
    people: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent, frozen: its hash covers every row."""

    id: str
    as_of: str
    build: str
    fingerprint: str
    data: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    batches: tuple[Planned, ...] = field(default=(), repr=False)

    @property
    def changes(self) -> bool:
        """Whether applying it would send anything."""
        return any(line.does for line in self.lines)

    @property
    def destroys(self) -> tuple[Line, ...]:
        """Lines that take away so much that it must be allowed."""
        return tuple(one for one in self.lines if one.does and one.change.destroys)

    @property
    def hash(self) -> str:
        """Of its content and of every row, in order."""
        digest = sha256(json.dumps(self.to_json(), sort_keys=True).encode())
        for batch in self.batches:
            digest.update(f"{batch.line}:{batch.op}:{len(batch.tokens)};".encode())
            for token in batch.tokens:
                digest.update(token)
        return digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Counts and reasons; nothing of a person."""
        return {
            "plan": self.id,
            "as_of": self.as_of,
            "build": self.build,
            "fingerprint": self.fingerprint,
            "data": self.data,
            "changes": self.changes,
            "lines": [line.to_json() for line in self.lines],
            "notes": list(self.notes),
        }


_ORDER: Final[tuple[Op, ...]] = ("remove", "add")


def batches(lines: Sequence[Line], sizes: Sequence[int]) -> tuple[Planned, ...]:
    """The rows of every line in batches: who must leave first, then who comes.

    Removals go first, so that a plan that is cut short leaves nobody who withdrew.
    """
    found = []
    for op in _ORDER:
        for place, (line, size) in enumerate(zip(lines, sizes, strict=True)):
            if not line.does:
                continue
            one = line.change
            tokens = one.add if op == "add" else one.remove
            people = one.add_people if op == "add" else one.remove_people
            for i in range(0, len(tokens), size):
                cut = slice(i, i + size)
                found.append(Planned(place, op, tokens[cut], people[cut]))
    return tuple(found)


def base_of(tokens: Iterable[tuple[bytes, bool]]) -> str:
    """Hash of what is known of a platform: it moved when this changed."""
    digest = sha256()
    for token, certain in sorted(tokens):
        digest.update(token + bytes([certain]))
    return digest.hexdigest()
