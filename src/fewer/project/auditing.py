"""What an audit needs to know of a project, gathered from settings, definitions and store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fewer.journey.audit.audit import Audit, run
from fewer.journey.audit.base import AuditContext, Refused, SourceFacts
from fewer.journey.audit.in_place import run_in_place
from fewer.model.condition import Did, DidNot, First, Last, SequenceOf, walk
from fewer.model.segment import expand
from fewer.model.window import DAY, Duration
from fewer.project import clock

if TYPE_CHECKING:
    from fewer.data.store.writer import LedgerEntry
    from fewer.project.project import Project


def audit(project: Project, as_of_us: int) -> Audit:
    """Audit the stored data as it was known at `as_of_us`, or tables in place as they are."""
    from fewer.project.in_place import OwnData

    settings, generation = project.settings, project.generation
    with project.engine(as_of_us) as engine:
        context = AuditContext(
            engine=engine,
            catalog=generation.catalog,
            as_of_us=as_of_us,
            now_us=clock.now_us(),
            project=settings.name,
            data=settings.data,
            timezone=settings.timezone,
            currency=settings.currency,
            goals=project.definitions.goals,
            windows=windows(project),
            consent_purpose=settings.consent.purpose if settings.consent else None,
            dated=_dated(project),
            sources=_sources(project),
            refused=tuple(_refused(project)),
            ignore=frozenset(settings.audit.ignore),
        )
        if isinstance(generation, OwnData):
            return run_in_place(context, generation.read, generation.functions)
        return run(context)


def windows(project: Project) -> tuple[Duration, ...]:
    """Every lookback that a segment uses, shortest first."""
    found: dict[int, Duration] = {}
    for segment in expand(project.definitions.segments):
        for part in walk(segment.where):
            if isinstance(part, Did | DidNot | First | Last | SequenceOf):
                spans = [part.within, part.between.from_ if part.between else None]
                found.update({span.micros: span for span in spans if span})
            if isinstance(part, Did) and part.periods:
                days = -(-part.periods.each.micros * part.periods.last // DAY)
                found[days * DAY] = Duration(days, "d")
    return tuple(found[micros] for micros in sorted(found))


def _dated(project: Project) -> frozenset[str]:
    """Relations all of whose sources say from when each version is valid."""
    undated = set()
    for source in project.settings.sources:
        if source.people and source.people.valid_from is None:
            undated |= {"people", "consents"} if source.people.consents else {"people"}
        if source.items and source.items.valid_from is None:
            undated.add("items")
        if any(mapping.valid_from is None for mapping in source.lists):
            undated.add("lists")
    return frozenset({"people", "items", "lists", "consents"} - undated)


def _sources(project: Project) -> tuple[SourceFacts, ...]:
    read: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    for first, entry in readings(project):
        read[entry.source] += entry.rows.read
        lost[entry.source].update(entry.rows.warnings)
        # A second row of the same person or item is no repeated event; nor are, in a file that
        # has grown, the rows that it had before.
        if set(entry.rows.made) <= {"events"}:
            repeated[entry.source] += first.rows.duplicate
    return tuple(
        SourceFacts(
            source=source,
            rows_read=rows,
            rows_repeated=repeated[source],
            values_lost=lost[source].total(),
            lost=dict(lost[source]),
        )
        for source, rows in read.items()
    )


def _refused(project: Project) -> Iterator[Refused]:
    for _, entry in readings(project):
        for reason, rows in entry.rows.reasons.items():
            yield Refused(source=entry.source, file=entry.file, reason=reason, rows=rows)


def readings(project: Project) -> list[tuple[LedgerEntry, LedgerEntry]]:
    """The first and the newest reading of each file.

    A file that grew is read again from its beginning: only the newest reading says how many rows
    it has, and how many of them were rejected.
    """
    first: dict[tuple[str, str], LedgerEntry] = {}
    newest: dict[tuple[str, str], LedgerEntry] = {}
    for entry in project.store.ledger():
        first.setdefault((entry.source, entry.file), entry)
        newest[entry.source, entry.file] = entry
    return [(first[file], entry) for file, entry in newest.items()]
