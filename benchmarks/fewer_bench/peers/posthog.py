"""The SQL that PostHog runs for behavioural cohorts, in shape: one query per cohort, on ClickHouse.

Written from the shape of its published queries, in our own words: one sub-select per criterion,
each of which scans events again; AND is INTERSECT DISTINCT, OR is UNION DISTINCT, NOT is EXCEPT;
each groups by person and collects distinct ids on the way. Storage as PostHog's: MergeTree by
month, ordered by day, event and hash of the person.

Cheaper here than there: no team, no join of overridden persons, numbers instead of texts for
people, typed columns instead of JSON properties. So PostHog's own cost is higher.
Different on purpose: its windows include their end, ours don't (half-open here, so that results
can be equal); its "at most" leaves out people with none and it rejects cohorts made of negative
criteria alone, so such segments are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pyroaring import BitMap

from fewer.evaluate.engines.base import Dataset
from fewer.model.window import from_utc_micros
from fewer_bench.mix import Drawn
from fewer_bench.peers.base import Behaviour, Inexpressible, Writer
from fewer_bench.peers.plain_sql import columns_of, text

_TABLE: Final = """
CREATE TABLE events (user_id UInt64, ts DateTime64(6, 'UTC'), event LowCardinality(String),
  category LowCardinality(String), page LowCardinality(String), device LowCardinality(String),
  value Float64)
ENGINE = MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (toDate(ts), event, cityHash64(user_id))
"""
_LIMIT: Final = "LIMIT 1000000000"
_SETTINGS: Final = "SETTINGS optimize_aggregation_in_order = 1, join_algorithm = 'auto'"

_SEQUENCE: Final = """
SELECT src.id AS id FROM (
  SELECT actor AS id FROM (
    SELECT actor, steps FROM (
      SELECT actor, steps, max(steps) OVER (PARTITION BY actor) AS max_steps, conv FROM (
        SELECT actor, ts, if(a_ts < b_ts AND b_ts <= a_ts + {reach}, 2, 1) AS steps,
          if(b_ts IS NOT NULL AND b_ts <= a_ts + {reach}, dateDiff('second', a_ts, b_ts), NULL)
            AS conv
        FROM (
          SELECT actor, ts, a, a_ts, min(b_raw) OVER (PARTITION BY actor ORDER BY ts DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS b_ts
          FROM (
            SELECT user_id AS actor, ts, event = {a} AS a, if(event = {a}, ts, NULL) AS a_ts,
              if(event = {b}, ts, NULL) AS b_raw
            FROM events WHERE ts >= {start} AND ts < {end} AND event IN ({a}, {b})
          )
        ) WHERE a = 1
      )
    ) GROUP BY actor, steps HAVING steps = max(max_steps)
  ) WHERE steps IN (2) ORDER BY actor
) AS src ORDER BY src.id"""


class _Cohort(Writer[str]):
    """Conditions as PostHog-shaped queries of one column, the id."""

    def _instant(self, micros: int) -> str:
        moment = from_utc_micros(micros).strftime("%Y-%m-%d %H:%M:%S.%f")
        return f"toDateTime64('{moment}', 6, 'UTC')"

    def _where(self, leaf: Behaviour) -> str:
        tests = [f"event = {text(leaf.event)}", f"ts < {self._instant(leaf.end)}"]
        if leaf.start is not None:
            tests.insert(0, f"ts >= {self._instant(leaf.start)}")
        return " AND ".join(tests + _tests(leaf.where))

    def behaviour(self, leaf: Behaviour) -> str:
        if leaf.measure != "count":
            raise Inexpressible(leaf.measure)
        low, high, _ = leaf.bounds
        if (low, high) == (1, None):
            return self._performed(self._where(leaf))
        bounds = [f"n >= {low}"] if low is not None else []
        bounds += [f"n <= {high}"] if high is not None else []
        return (
            f"SELECT id FROM (SELECT user_id AS id, count() AS n FROM events "
            f"WHERE {self._where(leaf)} GROUP BY user_id HAVING {' AND '.join(bounds)}) {_LIMIT}"
        )

    def _performed(self, where: str) -> str:
        return (
            "SELECT src.id AS id FROM (SELECT actor AS id, count() AS n,"
            " groupUniqArray(did) AS dids"
            f" FROM (SELECT user_id AS actor, user_id AS did, ts FROM events WHERE {where})"
            f" GROUP BY actor) AS src ORDER BY src.id ASC {_LIMIT}"
        )

    def at_most(self, leaf: Behaviour) -> str:  # noqa: ARG002
        raise Inexpressible("at most, people with none included")

    def last(self, leaf: Behaviour) -> str:
        """Stopped: performed it before, and not since."""
        since = Behaviour(leaf.event, leaf.where, leaf.end, self.as_of)
        return self.without(
            self._performed(self._where(leaf)), [self._performed(self._where(since))]
        )

    def first(self, leaf: Behaviour) -> str:
        ever = Behaviour(leaf.event, leaf.where, None, leaf.end)
        start = self._instant(leaf.start or 0)
        return (
            "SELECT src.id AS id FROM (SELECT actor AS id, count() AS n,"
            " groupUniqArray(did) AS dids"
            " FROM (SELECT user_id AS actor, min(ts) AS first_ts,"
            f" minIf(ts, ts >= {start}) AS first_in_window, argMin(user_id, ts) AS did"
            f" FROM events WHERE {self._where(ever)} GROUP BY user_id"
            f" HAVING first_ts = first_in_window AND first_ts != {self._instant(0)})"
            f" GROUP BY actor) AS src ORDER BY src.id {_LIMIT}"
        )

    def followed(self, first: Behaviour, then: Behaviour, span: int) -> str:
        values = {
            "a": text(first.event),
            "b": text(then.event),
            "start": self._instant(first.start or 0),
            "end": self._instant(first.end),
            "reach": f"INTERVAL {span // 1_000_000} SECOND",
        }
        return f"{_SEQUENCE.format(**values)} {_LIMIT}"

    def abandoned(self, first: Behaviour, then: Behaviour, span: int) -> str:  # noqa: ARG002
        raise Inexpressible("a step that did not follow")

    def everyone(self) -> str:
        raise Inexpressible("negative criteria alone")

    def both(self, parts: Sequence[str]) -> str:
        return " INTERSECT DISTINCT ".join(f"({part})" for part in parts)

    def either(self, parts: Sequence[str]) -> str:
        return " UNION DISTINCT ".join(f"({part})" for part in parts)

    def without(self, part: str, others: Sequence[str]) -> str:
        return " EXCEPT ".join(f"({one})" for one in (part, *others))


def _tests(where: Mapping[str, Any]) -> list[str]:
    found = []
    for name, test in where.items():
        match test:
            case str():
                found.append(f"{name} = {text(test)}")
            case list():
                found.append(f"{name} IN ({', '.join(map(text, test))})")
            case {"starts_with": start}:
                found.append(f"startsWith({name}, {text(start)})")
            case {"more_than": low}:
                found.append(f"{name} > {low}")
            case _:
                raise NotImplementedError(test)
    return found


class PostHog:
    """PostHog-shaped SQL on ClickHouse in this process, one query per cohort."""

    name = "PostHog-shaped SQL on chdb, one query each"
    about = "MergeTree tables, typed columns; 2 threads; a lower bound of PostHog's own cost"

    def __init__(self, data: Dataset, as_of: int, folder: Path, *, threads: int = 2) -> None:
        from chdb.session import Session  # noqa: PLC0415  an extra

        fresh = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        self._session = Session(str(folder))
        self._session.query("CREATE DATABASE IF NOT EXISTS bench")
        self._session.query("USE bench")
        self._session.query(f"SET max_threads = {threads}")
        if fresh:
            self._load(data)
        self._writer = _Cohort(as_of)

    def _load(self, data: Dataset) -> None:
        """Copy the events, as many months at a time as fit."""
        named = columns_of(data)
        columns = ", ".join(named[name] for name in ("category", "page", "device"))
        self._session.query(_TABLE)
        for file in data.files:
            self._session.query(
                "INSERT INTO events SELECT person, fromUnixTimestamp64Micro(ts, 'UTC'), event, "
                f"{columns}, {named['value']} / 1e6 FROM file('{file}', Parquet)"
            )
        self._session.query("OPTIMIZE TABLE events FINAL")

    def prepare(self, drawn: Drawn) -> str:
        """The segment as one cohort query."""
        return f"SELECT id FROM ({self._writer.write(drawn.where)}) {_SETTINGS}"

    def run(self, query: str) -> Any:
        """Ids as an Arrow table."""
        return self._session.query(query, "ArrowTable")

    def people(self, answer: Any) -> BitMap:
        """The same as a bitmap."""
        return BitMap(answer.column(0).to_numpy().astype("uint32"))

    def close(self) -> None:
        """End the session; its tables stay for the next run."""
        self._session.close()
