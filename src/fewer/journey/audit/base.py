"""What an audit is made of: the checks, what they are given, and what they find.

A check is one function in one file, marked with `check` and named on one line under the
entry-point group ``fewer.checks``. It reads a `Survey` (the project's data, measured) and yields
a `Draft` for each thing it found; the code and name of the check are stamped on by the audit.

Evidence never holds an identifier of a person: days, event names, item ids, and people as
counts. The rows themselves are one query away, in `Evidence.look`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from fewer.errors import CheckError
from fewer.model.base import Frozen
from fewer.model.goal import Goal
from fewer.model.window import Duration

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.journey.audit.survey import Survey
    from fewer.model.catalog import Catalog

GROUP: Final = "fewer.checks"

NO_PERSON: Final = frozenset({"person_missing"})
"""Reasons of rejected rows that mean: nobody to attribute them to."""

Severity = Literal["error", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")

SINGULAR: Final = {
    "days": "day",
    "events": "event",
    "hours": "hour",
    "items": "item",
    "people": "person",
    "times": "time",
    "values": "value",
}

Cell = str | int | float | None


class Figure(Frozen):
    """One number of evidence, with its unit."""

    label: str
    value: int | float | str
    unit: str = ""  # rows, people, days, %, a currency ...

    @property
    def after(self) -> str:
        """What to write after the value: nothing after rows, the singular after one.

        >>> Figure(label="gap", value=1, unit="days").after
        ' day'
        """
        if self.unit in ("", "rows"):
            return ""
        return f" {SINGULAR.get(self.unit, self.unit) if self.value == 1 else self.unit}"


class Table(Frozen):
    """The worst rows of evidence; `total` says how many there are in all."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int


class Evidence(Frozen):
    """Numbers, the places to look at, and the query that shows the rows behind them."""

    figures: tuple[Figure, ...] = ()
    table: Table | None = None
    look: str | None = Field(None, description="SQL over the project's relations.")


GateKind = Literal[
    "activation",  # sending people anywhere
    "creatives",  # messages that quote the last action
    "goals",  # counting outcomes
    "interest",  # segments by category or item
    "lookback",  # windows that reach further back than the data
    "past dates",  # evaluating at a date before now
    "privacy",  # anything that copies the data onwards
    "segments",  # who is in, at all
    "value goals",  # goals and segments that sum money or quantity
]


class Gate(Frozen):
    """What should not be relied on before the finding is settled."""

    kind: GateKind
    text: str


class Draft(Frozen):
    """A finding as a check yields it; titles and fixes are in marketers' words."""

    severity: Severity
    title: str
    detail: str = ""
    evidence: Evidence = Evidence()
    fix: str
    gates: tuple[Gate, ...] = ()
    events: tuple[str, ...] = Field((), description="Engagement points whose trust it lowers.")


class Finding(Draft):
    """One result of one check."""

    code: str = Field(pattern=r"^[A-Z]{2,}[0-9]{3}$")
    check: str


@dataclass(frozen=True, slots=True)
class Check:
    """A numbered question about the data; made by `check`."""

    code: str
    name: str
    question: str  # in marketers' words
    find: Callable[[Survey], Iterable[Draft]]

    def run(self, survey: Survey) -> Iterator[Finding]:
        """What this check finds in the surveyed data; nothing when all is well."""
        for draft in self.find(survey):
            yield Finding(**dict(draft), code=self.code, check=self.name)


Find = Callable[["Survey"], Iterable[Draft]]


def check(code: str, question: str) -> Callable[[Find], Check]:
    """Decorator that makes a function a check; its name becomes the check's name."""

    def make(find: Find) -> Check:
        return Check(code, getattr(find, "__name__", code), question, find)

    return make


def installed_checks() -> tuple[Check, ...]:
    """Every check of this package and of installed plug-ins, by code.

    Raises `CheckError` when two share a code or an entry point names something else. A plug-in
    that fails to import raises its own error.
    """
    found: dict[str, Check] = {}
    for entry in entry_points(group=GROUP):
        made = entry.load()
        if not isinstance(made, Check):
            raise CheckError(f"{entry.value} is no check: mark the function with @check(...).")
        if found.setdefault(made.code, made) is not made:
            raise CheckError(f"Two installed checks share the code {made.code}.")
    return tuple(found[code] for code in sorted(found))


class SourceFacts(Frozen):
    """What ingestion counted for one source of the project."""

    source: str
    rows_read: int = 0
    rows_repeated: int = Field(0, description="Event ids seen before on the same day; not stored.")
    values_lost: int = Field(0, description="Values that became missing; their rows are kept.")
    lost: dict[str, int] = Field({}, description="'value_not_number price' -> values, if known.")


class Refused(Frozen):
    """Rejected rows of one source file for one reason."""

    source: str
    file: str
    reason: str
    rows: int
    places: tuple[int, ...] = Field((), description="Row numbers of the first few, if known.")

    @property
    def where(self) -> str:
        """File and first rows, for people to look at."""
        rows = ", ".join(f"{place:,}" for place in self.places)
        return f"{self.file} (rows {rows}...)" if rows else self.file


@dataclass(frozen=True, slots=True)
class AuditContext:
    """Everything an audit reads, as plain data beside the engine."""

    engine: Engine
    catalog: Catalog
    as_of_us: int
    now_us: int | None = None  # to tell events of the future from those after a past as_of
    project: str = ""
    data: Literal["real", "simulated"] = "real"
    timezone: str = "UTC"
    currency: str | None = None
    goals: tuple[Goal, ...] = ()
    windows: tuple[Duration, ...] = ()  # every lookback that a segment uses
    consent_purpose: str | None = None
    dated: frozenset[str] = frozenset({"people", "items", "lists", "consents"})
    """Relations whose source says from when each version is valid."""
    sources: tuple[SourceFacts, ...] = ()
    refused: tuple[Refused, ...] = ()
    ignore: frozenset[str] = field(default_factory=frozenset)
