"""Large files of events in pieces: what a mapping makes of one is not held, but read again.

A survey counts rows by hour. Where a piece's rows lie close together in the file, as in a log, a
piece is read straight from it; else the mapped rows are put on disk once, a folder for each piece.
These hold no more of a person than the store's own files do: rows that are refused stay out.
"""

# ruff: noqa: S608  constant SQL: tables and columns are named by us

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fewer.data.store.writer import Writer
from fewer.model.window import DAY, HOUR

PIECE_ROWS: Final = 1_000_000
"""Rows of a piece, about; files of fewer rows are held as they are."""

_SCATTERED: Final = 2
"""Rows read for each row used, above which mapped rows are put on disk instead."""


@dataclass(slots=True)
class Hour:
    """The accepted rows of one hour: how many, and where in the file."""

    rows: int
    first: int
    last: int


@dataclass(slots=True)
class Survey:
    """What one mapping makes of a large file, counted.

    Attributes:
        table: Name of the query of its rows.
        good: Name of the view of accepted rows, as the store takes them.
        hours: Hour since 1970 -> its rows.
        counts: Test -> rows for which it is true.
        refused: Rows that are refused.
        whole_days: Whether rows of one day must stay together, because ids are given.
        costly: Whether to read a row again costs more than to put it on disk.
    """

    table: str
    good: str
    whole_days: bool
    costly: bool
    hours: dict[int, Hour] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    refused: int = 0


def survey(writer: Writer, found: Survey, tests: Mapping[str, str]) -> None:
    """Count the rows of a mapping, and those for which `tests` hold."""
    found.counts = dict.fromkeys(tests, 0)
    sums = "".join(f", count(*) FILTER (WHERE {test})" for test in tests.values())
    rows = writer.query(
        f"""
        SELECT reason IS NOT NULL, CASE WHEN reason IS NULL THEN
          (ts - ((ts % {HOUR} + {HOUR}) % {HOUR})) // {HOUR} END AS hour,
          count(*), min(line), max(line){sums}
        FROM {found.table} GROUP BY ALL
        """
    )
    for refused, hour, count, first, last, *counted in rows:
        for name, number in zip(tests, counted, strict=True):
            found.counts[name] += number
        if refused:
            found.refused += count
        else:
            found.hours[hour] = Hour(count, first, last)


def cut(writer: Writer, surveys: Sequence[Survey]) -> tuple[tuple[str, ...], ...]:
    """The relations that each piece is made of, one of every mapping that has rows in it."""
    spans = _spans(surveys)
    placed = [_placed(writer, found, spans) for found in surveys]
    pieces = []
    for number in range(len(spans)):
        names = tuple(relations[number] for relations in placed if number in relations)
        if names:
            pieces.append(names)
    return tuple(pieces)


def _spans(surveys: Sequence[Survey]) -> list[tuple[int, int]]:
    """Hours, from and to, of pieces: whole days, or parts of days that are larger than a piece."""
    rows: dict[int, int] = defaultdict(int)
    for found in surveys:
        for hour, here in found.hours.items():
            rows[hour] += here.rows
    whole = any(found.whole_days for found in surveys)
    day = DAY // HOUR
    days: dict[int, list[int]] = defaultdict(list)
    for hour in sorted(rows):
        days[hour // day].append(hour)
    units: list[tuple[int, int, int]] = []
    for number, hours in days.items():
        size = sum(rows[hour] for hour in hours)
        if whole or size <= 2 * PIECE_ROWS:
            units.append((number * day, (number + 1) * day, size))
        else:
            units += [(hour, hour + 1, rows[hour]) for hour in hours]
    return _joined(units)


def _joined(units: Iterable[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Neighbours together, up to the size of a piece."""
    spans: list[tuple[int, int]] = []
    held = 0
    for start, stop, size in units:
        if spans and held + size <= PIECE_ROWS:
            spans[-1] = (spans[-1][0], stop)
            held += size
        else:
            spans.append((start, stop))
            held = size
    return spans


def _placed(writer: Writer, found: Survey, spans: Sequence[tuple[int, int]]) -> dict[int, str]:
    """Piece -> relation of a mapping's rows in it."""
    lines: dict[int, tuple[int, int]] = {}
    for number, (start, stop) in enumerate(spans):
        inside = [here for hour, here in found.hours.items() if start <= hour < stop]
        if inside:
            lines[number] = (min(h.first for h in inside), max(h.last for h in inside))
    if not lines:
        return {}
    read = sum(last - first + 1 for first, last in lines.values())
    wanted = sum(here.rows for here in found.hours.values())
    if read <= _SCATTERED * wanted and not found.costly:
        return {
            number: f"(SELECT * FROM {found.good} WHERE line BETWEEN {first} AND {last} "
            f"AND {_within(*spans[number])})"
            for number, (first, last) in lines.items()
        }
    return _on_disk(writer, found, {number: spans[number] for number in lines})


def _within(start: int, stop: int) -> str:
    return f"ts >= {start * HOUR} AND ts < {stop * HOUR}"


def _on_disk(writer: Writer, found: Survey, spans: Mapping[int, tuple[int, int]]) -> dict[int, str]:
    """Write the accepted rows to the scratch folder, and read all of them from there."""
    folder = str(writer.scratch / found.table).replace("'", "''")
    cases = " ".join(f"WHEN {_within(*span)} THEN {number}" for number, span in spans.items())
    with writer.in_any_order():
        writer.db.execute(
            f"COPY (SELECT *, CASE {cases} END AS piece FROM {found.good}) TO '{folder}' "
            "(FORMAT parquet, COMPRESSION lz4_raw, PARTITION_BY (piece))"
        )
    writer.db.execute(
        f"CREATE OR REPLACE VIEW {found.good} AS SELECT * FROM "
        f"read_parquet('{folder}/*/*.parquet', hive_partitioning = false)"
    )
    return {
        number: f"read_parquet('{folder}/piece={number}/*.parquet', hive_partitioning = false)"
        for number in spans
    }
