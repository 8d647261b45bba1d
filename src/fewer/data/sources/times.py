"""Times in files become UTC microseconds, in SQL, with offsets computed once in Python.

A local time that happens twice means the first one; a local time that a clock change skips is
read with the offset before the change, so it moves forward by the length of the gap. Both are
what `datetime` does with ``fold=0``. DuckDB's own conversion takes the second of two, so it is
not used: each zone's offsets become a tree of comparisons with integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import sqlglot.expressions as exp

from fewer.data.store.sql import call, fill, first_of, number

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_STEP: Final = timedelta(days=7)


class Shared(Protocol):
    """Where an expression can be computed once for several uses."""

    def let(self, expression: exp.Expr) -> exp.Column:
        """A column that holds `expression`."""
        ...


MIN_TS: Final = -62_135_596_800_000_000  # 0001-01-01
MAX_TS: Final = 253_402_300_799_999_999  # 9999-12-31

_DATE: Final = r"\d{4}-\d{1,2}-\d{1,2}"
_CLOCK: Final = r"[T ]\d{1,2}:\d{2}(:\d{2}([.]\d{1,9})?)?"
_OFFSET: Final = r" ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)"


@lru_cache(maxsize=64)
def offsets(zone: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Local times at which a zone's offset changes, and the offsets before, between and after.

    In microseconds. ``offsets[bisect_right(starts, local)]`` is subtracted from a local time.

    >>> from bisect import bisect_right
    >>> starts, values = offsets("Europe/Berlin")
    >>> noon = (datetime(2026, 7, 1, 12, tzinfo=UTC) - _EPOCH) // _MICRO
    >>> values[bisect_right(starts, noon)] // 3_600_000_000
    2
    """
    info = ZoneInfo(zone)
    starts: list[int] = []
    values: list[int] = []

    def offset(at: datetime) -> int:
        found = at.astimezone(info).utcoffset() or timedelta()
        return found // _MICRO

    at, before = _FIRST, offset(_FIRST)
    values.append(before)
    while at < _LAST:
        after = offset(at + _STEP)
        if after != before:
            change = _find_change(info, at, at + _STEP)
            # Until the larger offset's clock has passed the change, the old offset holds:
            # that is the first of two equal times, and the reading of a skipped one.
            starts.append((change - _EPOCH) // _MICRO + max(before, after))
            values.append(after)
            before = after
        at += _STEP
    return tuple(starts), tuple(values)


def _find_change(info: ZoneInfo, low: datetime, high: datetime) -> datetime:
    before = low.astimezone(info).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(info).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def to_utc(local: exp.Expr, zone: str) -> exp.Expr:
    """UTC microseconds of local microseconds (the wall clock read as if it were UTC)."""
    starts, values = offsets(zone)
    if not starts:
        return local if values[0] == 0 else fill("$l - $o", l=local, o=number(values[0]))
    return fill("$l - $o", l=local, o=exp.Paren(this=_choose(local, starts, values)))


def _choose(local: exp.Expr, starts: Sequence[int], values: Sequence[int]) -> exp.Expr:
    """A balanced tree of comparisons: as deep as the logarithm of the number of changes."""
    if not starts:
        return number(values[0])
    middle = len(starts) // 2
    later = _choose(local, starts[middle + 1 :], values[middle + 1 :])
    earlier = _choose(local, starts[:middle], values[: middle + 1])
    test = exp.GTE(this=local.copy(), expression=number(starts[middle]))
    return exp.Case(ifs=[exp.If(this=test, true=later)], default=earlier)


def local_date(instant: exp.Expr, zone: str) -> exp.Expr:
    """The calendar date of UTC microseconds in a zone: ``2026-03-01``."""
    starts, values = offsets(zone)
    # `starts` are local times by the larger of the two offsets around a change.
    around = zip(starts, values, values[1:], strict=False)
    changes = [start - max(before, after) for start, before, after in around]
    moved = fill("$t + $o", t=instant, o=exp.Paren(this=_choose(instant, changes, values)))
    return fill("strftime(make_timestamp($t), '%Y-%m-%d')", t=moved)


def from_text(scope: Shared, text: exp.Expr, formats: Sequence[str], zone: str) -> exp.Expr:
    """UTC microseconds of a text in the first of `formats` that reads it, else NULL."""
    text = scope.let(text)
    return _in_range(scope, first_of(*(_one_format(scope, text, name, zone) for name in formats)))


def _one_format(scope: Shared, text: exp.Expr, name: str, zone: str) -> exp.Expr:
    if name == "iso":
        return _iso(scope, text, zone)
    micros = fill("epoch_us($t)", t=call("try_strptime", text, name))
    return micros if "%z" in name else to_utc(scope.let(micros), zone)


def _iso(scope: Shared, text: exp.Expr, zone: str) -> exp.Expr:
    local = fill(
        "CASE WHEN regexp_full_match($t, $plain) THEN epoch_us(TRY_CAST($t AS TIMESTAMP)) END",
        t=text,
        plain=f"{_DATE}({_CLOCK})?",
    )
    # A cast to TIMESTAMP ignores an offset, so texts that have one take another way.
    aware = fill(
        "CASE WHEN regexp_full_match($t, $offset) THEN "
        "epoch_us(TRY_CAST(regexp_replace($t, ' (Z|[+-][0-9:]+)$', '\\1') AS TIMESTAMPTZ)) END",
        t=text,
        offset=f"{_DATE}{_CLOCK}{_OFFSET}",
    )
    return first_of(scope.let(to_utc(scope.let(local), zone)), aware)


def from_epoch(scope: Shared, count: exp.Expr, name: str) -> exp.Expr:
    """UTC microseconds of a count (DECIMAL(26, 6)) of seconds, milli- or microseconds."""
    by = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}[name]
    # Floored, so that an instant before 1970 does not move forward.
    return _in_range(scope, fill("TRY_CAST(floor(($c) * $by) AS BIGINT)", c=count, by=number(by)))


def from_timestamp(scope: Shared, value: exp.Expr, zone: str, *, nanos: bool) -> exp.Expr:
    """UTC microseconds of a timestamp or date column without zone."""
    if nanos:  # epoch_us would round
        whole = fill("epoch_ns(CAST($v AS TIMESTAMP_NS)) // 1000", v=value)
    else:
        whole = fill("epoch_us(CAST($v AS TIMESTAMP))", v=value)
    return _in_range(scope, to_utc(scope.let(whole), zone))


def from_timestamptz(scope: Shared, value: exp.Expr) -> exp.Expr:
    """UTC microseconds of a timestamp column with zone."""
    return _in_range(scope, fill("epoch_us($v)", v=value))


def _in_range(scope: Shared, micros: exp.Expr) -> exp.Expr:
    """`micros` when it lies in the years 1 to 9999, else NULL."""
    return fill(
        "CASE WHEN $m BETWEEN $low AND $high THEN $m END",
        m=scope.let(micros),
        low=number(MIN_TS),
        high=number(MAX_TS),
    )


def wall_date(text: exp.Expr, formats: Sequence[str]) -> exp.Expr:
    """The calendar date in a text, as written, whatever its zone: ``2026-03-01``, else NULL."""
    parts = [
        fill("TRY_CAST($t AS TIMESTAMP)", t=text)
        if name == "iso"
        else fill("CAST($t AS TIMESTAMP)", t=call("try_strptime", text, name))
        for name in formats
    ]
    return fill("strftime($t, '%Y-%m-%d')", t=first_of(*parts))
