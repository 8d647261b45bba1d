"""DuckDB over the same Parquet files: one query per segment, as an analyst would write it.

No plan, no universe joined where the question does not need one: AND is INTERSECT, OR is UNION,
NOT is EXCEPT, and each leaf prunes files by time itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
from pyroaring import BitMap

from fewer.evaluate.engines.base import Dataset
from fewer_bench.mix import Drawn
from fewer_bench.peers.base import MICRO, ZONE, Behaviour, Writer, micros


def text(value: str) -> str:
    """A text of ours as a literal."""
    return "'" + value.replace("'", "''") + "'"


class _Sql(Writer[str]):
    """Conditions as DuckDB queries of one column, the person."""

    def __init__(self, as_of: int, columns: Mapping[str, str]) -> None:
        super().__init__(as_of)
        self._columns = columns

    def _where(self, leaf: Behaviour) -> str:
        tests = [f"event = {text(leaf.event)}", f"ts < {leaf.end}"]
        if leaf.start is not None:
            tests.append(f"ts >= {leaf.start}")
        return " AND ".join(tests + self._tests(leaf.where))

    def _tests(self, where: Mapping[str, Any]) -> list[str]:
        found = []
        for name, test in where.items():
            column = self._columns[name]
            match test:
                case str():
                    found.append(f"{column} = {text(test)}")
                case list():
                    found.append(f"{column} IN ({', '.join(map(text, test))})")
                case {"starts_with": start}:
                    found.append(f"starts_with({column}, {text(start)})")
                case {"more_than": low}:
                    found.append(f"{column} > {low * MICRO}")
                case _:
                    raise NotImplementedError(test)
        return found

    def behaviour(self, leaf: Behaviour) -> str:
        if leaf.measure == "burst":
            return self._burst(leaf)
        low, high, is_open = leaf.bounds
        number, of = self._number(leaf)
        having = []
        if low is not None:
            having.append(f"{number} {'>' if is_open else '>='} {low}{of}")
        if high is not None:
            having.append(f"{number} <= {high}{of}")
        return (
            f"SELECT person FROM events WHERE {self._where(leaf)} "
            f"GROUP BY person HAVING {' AND '.join(having)}"
        )

    def _number(self, leaf: Behaviour) -> tuple[str, str]:
        """The measure, and what its bounds are multiplied by."""
        arguments = leaf.arguments or {}
        value = self._columns.get(arguments.get("of", ""), "")
        match leaf.measure:
            case "count":
                return "count(*)", ""
            case "days":
                return f"count(DISTINCT (make_timestamptz(ts) AT TIME ZONE '{ZONE}')::DATE)", ""
            case "distinct":
                return f"count(DISTINCT {value})", ""
            case "sum" | "min" | "max":
                return f"{leaf.measure}({value})", f" * {MICRO}"
            case "mean":
                return f"sum({value})", f" * {MICRO} * count({value})"
            case "share":
                inside = " AND ".join(self._tests(arguments["where"]))
                return f"count(*) FILTER (WHERE {inside})", " * count(*)"
            case "periods":
                each = (leaf.end - (leaf.start or 0)) // arguments["last"]
                return f"count(DISTINCT ({leaf.end} - 1 - ts) // {each})", ""
            case _:
                raise NotImplementedError(leaf.measure)

    def _burst(self, leaf: Behaviour) -> str:
        arguments = leaf.arguments or {}
        back = arguments["count"] - 1
        return (
            f"SELECT DISTINCT person FROM (SELECT person, ts - lag(ts, {back}) OVER "
            f"(PARTITION BY person ORDER BY ts) AS gap FROM events WHERE {self._where(leaf)}) "
            f"WHERE gap <= {micros(arguments['in'])}"
        )

    def at_most(self, leaf: Behaviour) -> str:
        _, high, _ = leaf.bounds
        more = (
            f"SELECT person FROM events WHERE {self._where(leaf)} "
            f"GROUP BY person HAVING count(*) > {high}"
        )
        return self.without(self.everyone(), [more])

    def last(self, leaf: Behaviour) -> str:
        later = Behaviour(leaf.event, leaf.where, leaf.start, self.as_of)
        return (
            f"SELECT person FROM events WHERE {self._where(later)} "
            f"GROUP BY person HAVING max(ts) < {leaf.end}"
        )

    def first(self, leaf: Behaviour) -> str:
        ever = Behaviour(leaf.event, leaf.where, None, leaf.end)
        return (
            f"SELECT person FROM events WHERE {self._where(ever)} "
            f"GROUP BY person HAVING min(ts) >= {leaf.start}"
        )

    def _pairs(self, first: Behaviour, then: Behaviour, join: str) -> str:
        a, b = (f"(SELECT person, ts FROM events WHERE {self._where(s)})" for s in (first, then))
        return f"FROM {a} AS a {join} {b} AS b ON a.person = b.person AND a.ts < b.ts"

    def followed(self, first: Behaviour, then: Behaviour, span: int) -> str:
        pairs = self._pairs(first, then, "ASOF JOIN")
        return f"SELECT DISTINCT a.person AS person {pairs} WHERE b.ts - a.ts <= {span}"

    def abandoned(self, first: Behaviour, then: Behaviour, span: int) -> str:
        pairs = self._pairs(first, then, "ASOF LEFT JOIN")
        return (
            f"SELECT DISTINCT a.person AS person {pairs} WHERE a.ts + {span} < {self.as_of} "
            f"AND (b.ts IS NULL OR b.ts - a.ts > {span})"
        )

    def everyone(self) -> str:
        return "SELECT person FROM persons"

    def both(self, parts: Sequence[str]) -> str:
        return " INTERSECT ".join(f"({part})" for part in parts)

    def either(self, parts: Sequence[str]) -> str:
        return " UNION ".join(f"({part})" for part in parts)

    def without(self, part: str, others: Sequence[str]) -> str:
        return " EXCEPT ".join(f"({one})" for one in (part, *others))


class PlainSql:
    """DuckDB, one plain query per segment over the store's Parquet files."""

    name = "DuckDB, one plain query each"
    about = "written by hand over the same Parquet files; 2 threads"

    def __init__(self, data: Dataset, as_of: int, *, threads: int = 2) -> None:
        self._db = duckdb.connect(config={"threads": threads})
        for relation in ("events", "persons"):
            query = data.relations[relation].sql("duckdb")
            self._db.execute(f"CREATE VIEW {relation} AS {query}")
        self._db.execute("SET preserve_insertion_order = false")
        self._db.execute("SET parquet_metadata_cache = true")
        self._writer = _Sql(as_of, columns_of(data))

    def prepare(self, drawn: Drawn) -> str:
        """The segment as one query."""
        return self._writer.write(drawn.where)

    def run(self, query: str) -> Any:
        """Person numbers as an array."""
        return self._db.execute(query).fetchnumpy()["person"]

    def people(self, answer: Any) -> BitMap:
        """The same as a bitmap."""
        return BitMap(answer)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def columns_of(data: Dataset) -> dict[str, str]:
    """Property -> the column of the store that holds it."""
    return {name: next(iter(typed.values())) for name, typed in data.catalog.properties.items()}
