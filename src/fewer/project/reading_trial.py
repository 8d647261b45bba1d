"""Read a finished test from one file: CSV or Parquet, one row a person or several."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fewer.data.sources import text
from fewer.errors import GuardError, SourceError
from fewer.journey.measure.trial.roles import MOST_ARMS, Asked, Column, Kind, Roles, roles
from fewer.journey.measure.trial.trial import People, Read, Trial, judge

_MARKS: Final = (",", ";", "\t", "|")
_YES: Final = ("true", "yes", "y", "t")
_NO: Final = ("false", "no", "n", "f")
_NEARLY: Final = 0.8
"""Share of rows from which on a column is taken to say the arm once more."""

Codes = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def read_trial(
    path: Path, asked: Asked | None = None, *, random: bool = True, cap: float | None = None
) -> Trial:
    """Judge a finished test.

    Args:
        path: CSV of any delimiter with a line of headings, gzipped or not, or Parquet.
        asked: What the columns are, where it is known.
        random: Whether chance made the arms.
        cap: Quantile that amounts are cut down to, a fraction; None: none.

    Raises:
        SourceError: The file can't be read, or lacks a column.
        GuardError: It can't be told what the columns are, or an arm has nobody.
    """
    table = _table(path)
    found = roles([_column(table, name) for name in table.column_names], asked or Asked())
    return judge(_read(path, table, found), found, random=random, cap=cap)


def _table(path: Path) -> pa.Table:
    if not path.is_file():
        raise SourceError(f"There is no file {path}.")
    db = duckdb.connect()
    try:
        found = _loaded(db, path).to_arrow_table()
    except (duckdb.Error, UnicodeError, csv.Error) as error:
        # What DuckDB says repeats the row, and a row may hold an address.
        raise SourceError(
            f"{_place(path)} can't be read: expected a CSV with a line of headings and as many"
            " values in every row, as UTF-8, or Parquet. Save it again as one of these."
        ) from error
    finally:
        db.close()
    if not found.num_rows:
        raise SourceError(f"{path.name} has no rows.")
    return found


def _loaded(db: duckdb.DuckDBPyConnection, path: Path) -> duckdb.DuckDBPyRelation:
    if path.suffix in (".parquet", ".pq"):
        return db.read_parquet(str(path))
    first = next(iter(text.lines(path, "utf-8-sig")), "")
    mark = max(_MARKS, key=first.count)
    # Dialect given, so that no row is taken for the headings, nor skipped to make the others fit.
    return db.read_csv(
        str(path), header=True, delimiter=mark, quotechar='"', skiprows=0, sample_size=-1
    )


def _place(path: Path) -> str:
    """The file, and its first row that has more or fewer values than there are headings."""
    with suppress(UnicodeError, csv.Error, OSError):
        lines = text.lines(path, "utf-8-sig")
        first = next(iter(lines), "")
        rows = csv.reader(lines, delimiter=max(_MARKS, key=first.count))
        width = len(next(csv.reader([first], delimiter=max(_MARKS, key=first.count)), ()))
        for row in rows:
            if row and len(row) != width:
                return f"{path.name}:{rows.line_num + 1}"
    return path.name


def _column(table: pa.Table, name: str) -> Column:
    values = table[name]
    distinct = pc.count_distinct(values).as_py()
    few: tuple[str, ...] = ()
    if distinct <= MOST_ARMS:
        few = tuple(sorted(_written(v) for v in pc.unique(values).to_pylist() if v is not None))
    return Column(name, _kind(values.type, few, distinct), distinct, few, values.null_count)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(type_: pa.DataType, few: tuple[str, ...], distinct: int) -> Kind:
    if not distinct:
        return "empty"
    if pa.types.is_boolean(type_):
        return "flag"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "flag" if few and {float(v) for v in few} <= {0.0, 1.0} else "number"
    if pa.types.is_temporal(type_):
        return "time"
    words = {value.strip().lower() for value in few}
    return "flag" if few and words <= {*_YES, *_NO} else "text"


# --------------------------------------------------------------------------------- to people


def _read(path: Path, table: pa.Table, found: Roles) -> Read:
    """Rows put together by person; who has no arm, or two, is left out and counted."""
    left_out: dict[str, int] = {}
    arm = _places(table[found.arm], found.arms)
    there = arm >= 0
    _count(left_out, "rows without an arm", int((~there).sum()))
    who = np.arange(table.num_rows)
    if found.person is not None:
        who = _codes(table[found.person])
        _count(left_out, "rows without a person", int((there & (who < 0)).sum()))
        there &= who >= 0
    other = _saw_other(table, found, arm)
    rows = np.flatnonzero(there)
    if not len(rows):
        raise GuardError(f"No row of {path.name} has both a person and an arm.")
    _, first, who = np.unique(who[rows], return_index=True, return_inverse=True)
    many = len(first)
    arms = arm[rows]
    lowest = np.full(many, len(found.arms))
    highest = np.full(many, -1)
    np.minimum.at(lowest, who, arms)
    np.maximum.at(highest, who, arms)
    clear = lowest == highest
    _count(left_out, "people in two arms", int((~clear).sum()))
    several = int((np.bincount(who, minlength=many)[clear] > 1).sum())
    values = {c.name: _by_person(table, c, rows, who, many)[clear] for c in found.metrics}
    before = {c.name: _by_person(table, c, rows, who, many, mean=True)[clear] for c in found.before}
    saw = None
    if other is not None:
        saw = np.bincount(who, other[rows], minlength=many)[clear] > 0
        _count(left_out, "people who saw another arm's version", int(saw.sum()))
    people = People(lowest[clear], values, before, saw)
    sizes = np.bincount(people.arm, minlength=len(found.arms))
    if not sizes.all():
        empty = found.arms[int(sizes.argmin())]
        raise GuardError(f"Nobody of arm {empty!r} is left: {_told(left_out)}.")
    agreement = "" if found.saw else _agreement(table, found, arm)
    return Read(path.name, table.num_rows, people, left_out, several, agreement)


def _count(left_out: dict[str, int], reason: str, number: int) -> None:
    if number:
        left_out[reason] = number


def _told(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in left_out.items()) or "no rows"


def _codes(values: pa.ChunkedArray) -> Codes:
    """A number for each different value, in order of appearance; -1 where there is none."""
    encoded = values.combine_chunks().dictionary_encode()
    codes: Codes = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
    return codes


def _places(values: pa.ChunkedArray, known: tuple[str, ...]) -> Codes:
    encoded = values.combine_chunks().dictionary_encode()
    place = {name: i for i, name in enumerate(known)}
    of = np.array([place.get(_written(v), -1) for v in encoded.dictionary.to_pylist()] + [-1])
    found: Codes = of[np.asarray(encoded.indices.fill_null(len(of) - 1))]
    return found


def _numbers(values: pa.ChunkedArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(values)), pa.array(_YES))
    return np.asarray(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _by_person(
    table: pa.Table, column: Column, rows: Codes, who: Codes, many: int, *, mean: bool = False
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Amounts added up, yes and no taken as yes once; NaN where a person has no value."""
    values = _numbers(table[column.name])[rows]
    there = ~np.isnan(values)
    total = np.asarray(np.bincount(who[there], values[there], minlength=many), np.float64)
    number = np.bincount(who[there], minlength=many)
    if mean:
        total = total / np.maximum(number, 1)
    elif column.kind == "flag":
        total = (total > 0).astype(np.float64)
    return np.where(number > 0, total, np.nan)


# ------------------------------------------------------------------------ what people saw


def _usual(arm: Codes, other: Codes, arms: int) -> tuple[Codes, int, int] | None:
    """For each arm the value that goes with it; how many rows fit, and how many have both."""
    both = (arm >= 0) & (other >= 0)
    values = int(other.max()) + 1
    counts = np.zeros((arms, values), dtype=np.int64)
    np.add.at(counts, (arm[both], other[both]), 1)
    usual = counts.argmax(axis=1)
    if len(set(usual.tolist())) < arms:
        return None
    return usual, int(counts.max(axis=1).sum()), int(both.sum())


def _saw_other(
    table: pa.Table, found: Roles, arm: Codes
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
    if found.saw is None:
        return None
    other = _codes(table[found.saw])
    usual = _usual(arm, other, len(found.arms))
    if usual is None:
        raise GuardError(
            f"Column {found.saw!r} of --saw does not go with {found.arm!r}: no value of its own"
            " belongs to each arm."
        )
    saw = (arm >= 0) & (other >= 0) & (usual[0][arm] != other)
    return np.asarray(saw, dtype=np.bool_)


def _agreement(table: pa.Table, found: Roles, arm: Codes) -> str:
    """A warning where a column nearly says the arm once more, and some rows differ."""
    taken = {found.arm, found.person, *(c.name for c in (*found.metrics, *found.before))}
    for name in table.column_names:
        if name in taken or pc.count_distinct(table[name]).as_py() != len(found.arms):
            continue
        usual = _usual(arm, _codes(table[name]), len(found.arms))
        if usual is None:
            continue
        _, fit, both = usual
        if _NEARLY * both <= fit < both:
            return (
                f"{name!r} goes with {found.arm!r} in {fit / both:.1%} of rows and not in"
                f" {both - fit:,}. They count in the arm they were put into; --saw {name} leaves"
                " those people out instead."
            )
    return ""
