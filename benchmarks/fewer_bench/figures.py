"""Figures, tables and verdicts, and the three forms in which a run tells them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Budget:
    """What ARCHITECTURE.md promises, and whether it was kept."""

    what: str
    found: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the promise was kept."""
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def row(self) -> list[str]:
        """One line of the table of verdicts."""
        sign = "≥" if self.at_least else "≤"
        found, limit = (f"{number(n)} {self.unit}".strip() for n in (self.found, self.limit))
        return [self.what, found, f"{sign} {limit}", "met" if self.met else "**not met**"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a figure."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(slots=True)
class Section:
    """One question, and what was found."""

    key: str
    title: str
    tables: list[Table] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Results that differ, in words: with any, no time of the section means anything."""

    load: float = field(default_factory=lambda: os.getloadavg()[0])
    """Load of the machine when it began; above its cores, seconds are too long."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add a table."""
        self.tables.append(Table(title, columns, rows))

    def plain(self) -> dict[str, Any]:
        """The section as JSON holds it."""
        kept = asdict(self)
        kept["budgets"] = [{**asdict(b), "met": b.met} for b in self.budgets]
        return kept

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """A section as an earlier run wrote it."""
        budgets = [{k: v for k, v in b.items() if k != "met"} for b in plain["budgets"]]
        return cls(
            **{
                **plain,
                "tables": [Table(**table) for table in plain["tables"]],
                "budgets": [Budget(**budget) for budget in budgets],
            }
        )


_QUIET: Final = 1.0
"""Load beyond which others were at work."""

_ENDS: Final = (0.001, 10, 1_000)


def number(value: Any) -> str:
    """A number as a person reads it: three digits that matter.

    >>> number(1234567.8), number(12.345), number(0.01234), number("x")
    ('1,234,568', '12.3', '0.0123', 'x')
    """
    if isinstance(value, str) or value is None:
        return value or "–"
    if isinstance(value, int) or value == 0 or abs(value) >= _ENDS[2]:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _ENDS[1] else f"{value:.3g}"


def markdown(section: Section) -> Iterator[str]:
    """Lines of a section as a page shows it."""
    yield f"## {section.title}"
    if section.load > _QUIET:
        yield f"\nLoad of the machine when this began: {section.load:.1f}. Seconds are too long."
    for table in section.tables:
        yield ""
        if table.title:
            yield f"{table.title}\n"
        yield "| " + " | ".join(table.columns) + " |"
        yield "| --- |" + " ---: |" * (len(table.columns) - 1)
        for row in table.rows:
            yield "| " + " | ".join(map(number, row)) + " |"
    if section.budgets:
        yield ""
        yield from verdicts(section.budgets)
    for note in section.notes:
        yield f"\n{note}"
    for wrong in section.wrong:
        yield f"\n**WRONG: {wrong}**"
    yield ""


def verdicts(budgets: Sequence[Budget]) -> Iterator[str]:
    """A table of budgets."""
    yield "| budget | found | promised | |"
    yield "| --- | ---: | ---: | --- |"
    for budget in budgets:
        yield "| " + " | ".join(budget.row()) + " |"


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds on the clock, and seconds of processor in this process.

    On a machine that others use too, the second say more: all that is compared runs in here.
    """

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Took) -> Took:
        return Took(self.wall + other.wall, self.cpu + other.cpu)

    def __mul__(self, factor: float) -> Took:
        return Took(self.wall * factor, self.cpu * factor)

    def over(self, other: Took) -> tuple[float, float]:
        """How many times longer than `other`, on the clock and of processor."""
        return self.wall / other.wall, self.cpu / max(other.cpu, 1e-9)


def timed(work: Callable[[], _T]) -> tuple[_T, Took]:
    """What some work gives, and what it took."""
    start, busy = time.perf_counter(), time.process_time()
    found = work()
    return found, Took(time.perf_counter() - start, time.process_time() - busy)


def best(work: Callable[[], _T], rounds: int = 3) -> tuple[_T, Took, Took]:
    """What some work gives, and what its first and its quickest round took."""
    found, first = timed(work)
    quickest = first
    for _ in range(rounds - 1):
        found, took = timed(work)
        quickest = Took(min(quickest.wall, took.wall), min(quickest.cpu, took.cpu))
    return found, first, quickest


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say on the terminal what is going on, and how long it took."""
    print(f"  {what} ...", end="", flush=True)
    start = time.perf_counter()
    yield
    print(f" {time.perf_counter() - start:.1f} s", flush=True)
