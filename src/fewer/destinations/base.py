"""What a destination must do, and the limits it declares so that nobody has to remember them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self, runtime_checkable

from pyroaring import BitMap

from fewer.errors import DeliveryError, NotFoundError
from fewer.model.delivery import Op

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
    rules: str = "plain"  # whose way of writing identifiers: a name of `identity.rules.PLATFORMS`
    beside: tuple[str, ...] = ()  # kinds that help matching and prove nobody alone
    plain: bool = False  # identifiers are sent as they are, not hashed: it writes to people
    matches: bool = True  # False: it takes everyone, as e-mail tools do
    membership_days: int | None = None  # after which people drop out by themselves; None: never
    replaces: bool = False  # a whole audience can be replaced in one session
    waits: tuple[float, float, float] = (1.0, 60.0, 600.0)
    """Seconds: first wait after a failure, longest wait, longest time for one request in all."""


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
class Remote:
    """An audience as it stands at a platform."""

    segment: str
    name: str
    columns: tuple[str, ...]
    id: str = ""  # the platform's; empty until it is made
    exclusion: bool = False  # its people are to be left out of ads, not reached
    membership_days: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one operation that are sent together, and where they stand in the whole.

    `session` names everything of one operation of one plan in one run; platforms that count
    batches of a session see `number` from 1 to `of`.
    """

    op: Op
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    session: int  # positive, below 2**63
    number: int
    of: int
    total: int  # rows of the session
    replaces: bool = False  # the session is the whole audience: who is not in it leaves

    @property
    def last(self) -> bool:
        """Whether the session ends with it."""
        return self.number == self.of

    def __repr__(self) -> str:  # a log that shows it must not show anyone in it
        return f"Batch({self.op} {len(self.rows)}, {self.number} of {self.of})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a platform said of a batch.

    `refused` holds places in the batch. Some platforms only say how many: `refused_somewhere`;
    then it isn't known which, and all count as uncertain until it is.
    """

    accepted: int
    refused: Mapping[int, str] = field(default_factory=dict)  # place -> reason
    refused_somewhere: Mapping[str, int] = field(default_factory=dict)  # reason -> rows
    reference: str = ""  # the platform's, to ask later; no identifier of a person
    pending: bool = False  # it will say later what became of them


class ThrottledError(DeliveryError):
    """The platform wants fewer requests; `after` is how many seconds it asks to wait."""

    code = "throttled"

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class UnreachableError(DeliveryError):
    """No answer, or one that says: try again. Whether it was done is not known."""

    code = "unreachable"


class NotYetError(UnreachableError):
    """The platform does not know an audience that it has just made."""

    code = "not_yet"


class DeniedError(DeliveryError):
    """The platform refuses all of it: key, permission, terms. Trying again won't help."""

    code = "denied"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a destination is made of: its settings, and its secret, read where they point to."""

    secret: str = field(default="", repr=False)
    base_url: str | None = None
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    waits: tuple[float, float, float] | None = None  # in place of those of `Limits`

    def option(self, name: str) -> str:
        """A setting that must be there, as text; `DeliveryError` names it where it isn't."""
        if name not in self.options:
            raise DeliveryError(f"The destination needs `options: {{{name}: ...}}` in fewer.yaml.")
        return str(self.options[name])


@dataclass(frozen=True, slots=True)
class Heard:
    """What a platform says later of what it was sent."""

    matched: int | None = None  # rows in which it knew somebody; None: it doesn't say
    refused: Mapping[str, int] = field(default_factory=dict)  # reason -> rows, not which
    done: bool = True  # False: it is still at it


@runtime_checkable
class Reporting(Protocol):
    """A platform that can be asked later what became of what it was sent."""

    def ask(self, remote: Remote, reference: str) -> Heard:
        """What became of the session or request of that reference (`Answer.reference`)."""
        ...


class Platform(Protocol):
    """A place that holds audiences and changes them row by row.

    Adding a row that is there, and removing one that is not, must change nothing: after a crash a
    batch is sent again. Calls raise `ThrottledError`, `UnreachableError` or `DeniedError`; that
    some rows were refused is an `Answer`.
    """

    limits: Limits

    @classmethod
    def of(cls, opening: Opening) -> Self:
        """Made from its settings; `DeliveryError` when one is missing."""
        ...

    def ensure(self, remote: Remote) -> str:
        """Make the audience, or find it by its name; its id there."""
        ...

    def send(self, remote: Remote, batch: Batch) -> Answer:
        """Send one batch."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


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
