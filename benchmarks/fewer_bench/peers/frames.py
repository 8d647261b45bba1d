"""Polars: one lazy scan of the same Parquet files per segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from pyroaring import BitMap

from fewer.evaluate.engines.base import Dataset
from fewer_bench.mix import Drawn
from fewer_bench.peers.base import MICRO, ZONE, Behaviour, Writer, micros
from fewer_bench.peers.plain_sql import columns_of

_PERSON = pl.col("person")
_TS = pl.col("ts")


class _Lazy(Writer[pl.LazyFrame]):
    """Conditions as lazy frames of one column, the person, each person once."""

    def __init__(
        self, as_of: int, events: pl.LazyFrame, persons: pl.LazyFrame, columns: Mapping[str, str]
    ) -> None:
        super().__init__(as_of)
        self._events, self._persons, self._columns = events, persons, columns

    def _matches(self, leaf: Behaviour) -> pl.LazyFrame:
        tests = [pl.col("event") == leaf.event, leaf.end > _TS, *self._tests(leaf.where)]
        if leaf.start is not None:
            tests.append(leaf.start <= _TS)
        return self._events.filter(*tests)

    def _tests(self, where: Mapping[str, Any]) -> list[pl.Expr]:
        found = []
        for name, test in where.items():
            column = pl.col(self._columns[name])
            match test:
                case str():
                    found.append(column == test)
                case list():
                    found.append(column.is_in(test))
                case {"starts_with": start}:
                    found.append(column.str.starts_with(start))
                case {"more_than": low}:
                    found.append(column > low * MICRO)
                case _:
                    raise NotImplementedError(test)
        return found

    def behaviour(self, leaf: Behaviour) -> pl.LazyFrame:
        if leaf.measure == "burst":
            return self._burst(leaf)
        low, high, is_open = leaf.bounds
        number, of = self._number(leaf)
        grouped = self._matches(leaf).group_by("person").agg(number.alias("n"), of.alias("of"))
        n, unit = pl.col("n"), pl.col("of")
        if low is not None:
            grouped = grouped.filter(n > low * unit if is_open else n >= low * unit)
        if high is not None:
            grouped = grouped.filter(n <= high * unit)
        return grouped.select("person")

    def _number(self, leaf: Behaviour) -> tuple[pl.Expr, pl.Expr]:
        """The measure, and what its bounds are multiplied by."""
        arguments = leaf.arguments or {}
        value = pl.col(self._columns.get(arguments.get("of", ""), "ts"))
        one = pl.lit(1, pl.Int64)
        match leaf.measure:
            case "count":
                return pl.len(), one
            case "days":
                local = _TS.cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(ZONE)
                return local.dt.date().n_unique(), one
            case "distinct":
                return value.drop_nulls().n_unique(), one
            case "sum":
                return value.sum(), one * MICRO
            case "min" | "max":
                return getattr(value, leaf.measure)(), one * MICRO
            case "mean":
                return value.sum(), value.count().cast(pl.Int64) * MICRO
            case "share":
                inside = pl.all_horizontal(*self._tests(arguments["where"]))
                return inside.sum(), pl.len()
            case "periods":
                each = (leaf.end - (leaf.start or 0)) // arguments["last"]
                return ((leaf.end - 1 - _TS) // each).n_unique(), one
            case _:
                raise NotImplementedError(leaf.measure)

    def _burst(self, leaf: Behaviour) -> pl.LazyFrame:
        arguments = leaf.arguments or {}
        back = _TS.shift(arguments["count"] - 1).over("person")
        ordered = self._matches(leaf).select("person", "ts").sort("person", "ts")
        return ordered.filter((_TS - back) <= micros(arguments["in"])).select("person").unique()

    def at_most(self, leaf: Behaviour) -> pl.LazyFrame:
        _, high, _ = leaf.bounds
        more = self._matches(leaf).group_by("person").len().filter(pl.col("len") > high)
        return self.without(self.everyone(), [more.select("person")])

    def last(self, leaf: Behaviour) -> pl.LazyFrame:
        later = Behaviour(leaf.event, leaf.where, leaf.start, self.as_of)
        latest = self._matches(later).group_by("person").agg(_TS.max())
        return latest.filter(leaf.end > _TS).select("person")

    def first(self, leaf: Behaviour) -> pl.LazyFrame:
        ever = Behaviour(leaf.event, leaf.where, None, leaf.end)
        earliest = self._matches(ever).group_by("person").agg(_TS.min())
        return earliest.filter(leaf.start <= _TS).select("person")

    def _pairs(self, first: Behaviour, then: Behaviour) -> pl.LazyFrame:
        a, b = (self._matches(step).select("person", "ts").sort("ts") for step in (first, then))
        return a.join_asof(
            b.with_columns(next=_TS),
            on="ts",
            by="person",
            strategy="forward",
            allow_exact_matches=False,
            check_sortedness=False,
        )

    def followed(self, first: Behaviour, then: Behaviour, span: int) -> pl.LazyFrame:
        near = self._pairs(first, then).filter(pl.col("next") - _TS <= span)
        return near.select("person").unique()

    def abandoned(self, first: Behaviour, then: Behaviour, span: int) -> pl.LazyFrame:
        after = pl.col("next")
        left = self._pairs(first, then).filter(
            _TS + span < self.as_of, after.is_null() | (after - _TS > span)
        )
        return left.select("person").unique()

    def everyone(self) -> pl.LazyFrame:
        return self._persons

    def both(self, parts: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
        found = parts[0]
        for part in parts[1:]:
            found = found.join(part, on="person", how="semi")
        return found

    def either(self, parts: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
        return pl.concat(parts).unique()

    def without(self, part: pl.LazyFrame, others: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
        for other in others:
            part = part.join(other, on="person", how="anti")
        return part


class Frames:
    """Polars, one lazy scan per segment."""

    name = "Polars, one lazy scan each"
    about = "the same Parquet files; its own choice of threads"

    def __init__(self, data: Dataset, as_of: int, persons: Sequence[int]) -> None:
        events = pl.scan_parquet(list(data.files), hive_partitioning=False).with_columns(
            _PERSON.cast(pl.UInt32)
        )
        everyone = pl.LazyFrame({"person": pl.Series(persons, dtype=pl.UInt32)})
        self._writer = _Lazy(as_of, events, everyone, columns_of(data))

    def prepare(self, drawn: Drawn) -> pl.LazyFrame:
        """The segment as a lazy frame."""
        return self._writer.write(drawn.where)

    def run(self, query: pl.LazyFrame) -> Any:
        """Person numbers as a frame."""
        return query.collect()

    def people(self, answer: Any) -> BitMap:
        """The same as a bitmap."""
        return BitMap(answer["person"].to_numpy())

    def close(self) -> None:
        """Nothing is held."""
