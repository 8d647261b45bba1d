"""What a destination must do, and the limits it declares so that nobody has to remember them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pyroaring import BitMap

from fewer.errors import DeliveryError, NotFoundError

if TYPE_CHECKING:
    import pyarrow as pa

GROUP: Final = "fewer.destinations"
"""Entry points of this group are destinations: one file and one line, from any package."""

ContactKinds = Sequence[str]


@dataclass(frozen=True, slots=True)
class Limits:
    """A platform's published limits, with where and when they were read."""

    identifiers: tuple[str, ...]  # kinds it matches on, best first, e.g. ("email", "phone")
    batch_size: int  # members per request
    minimum_matched: int  # below this the platform will not serve ads
    removes: bool  # False: an audience can only grow, so deltas need a rebuild
    source: str  # address and date read


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is sent: members of one segment at one `as_of`, exclusions and holdout already out."""

    id: str  # of the segment
    name: str
    members: BitMap
    as_of_us: int  # UTC microseconds
    build: str
    fingerprint: str
    data: Literal["real", "simulated"]
    held_out: Mapping[str, BitMap] = field(default_factory=dict)
    """Experiment -> members it holds out: they are never sent."""
    left_out: Mapping[str, BitMap] = field(default_factory=dict)
    """Reason -> further members who are never sent."""

    @property
    def as_of(self) -> str:
        """The moment as ISO text in UTC."""
        return datetime.fromtimestamp(self.as_of_us / 1_000_000, tz=UTC).isoformat()


Row = tuple[str | None, ...]
"""Identifiers of one member in the order of `Delta.columns`: digests, or codes of no secret."""


@dataclass(frozen=True, slots=True)
class Delta:
    """Members to add and to remove, as hashed identifiers only."""

    columns: tuple[str, ...]
    add: tuple[Row, ...] = ()
    remove: tuple[Row, ...] = ()

    def __repr__(self) -> str:  # a log that shows it must not show anyone in it
        return f"Delta(+{len(self.add)}, -{len(self.remove)})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the platform said, counted per outcome; a half-accepted batch is not a success."""

    sent: int
    accepted: int
    rejected: dict[str, int] = field(default_factory=dict)  # reason -> rows


class Book(Protocol):
    """Where the identifiers of people are looked up: the store, or anything that answers alike."""

    def contacts(self, persons: BitMap, kinds: ContactKinds) -> pa.Table:
        """(person uint32, kind text, value text), decrypted; several rows per person and kind."""
        ...

    def keys(self, persons: BitMap) -> pa.Table:
        """(person uint32, key text): the project's own id of each person."""
        ...


class Destination(Protocol):
    """An ad platform (or file) that an audience can be sent to."""

    limits: Limits

    def push(self, audience: Audience, deltas: Iterable[Delta]) -> Iterable[Receipt]:
        """Send each delta once, in order; yield one receipt for each."""
        ...


def load(name: str) -> type[Any]:
    """Destination class registered under `name`, from this package or an installed plug-in.

    Raises:
        NotFoundError: Nothing is registered under that name.
        DeliveryError: The plug-in is registered and can't be imported.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise NotFoundError("destination", name, found)
    entry = found[name]
    try:
        loaded: type[Any] = entry.load()
    except ImportError as error:
        owner = entry.dist.name if entry.dist else entry.value
        raise DeliveryError(f"Destination {name!r} of {owner} can't be loaded: {error}") from error
    return loaded
