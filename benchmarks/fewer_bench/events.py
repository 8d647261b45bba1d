"""Synthetic events: the same log for the same seed, a file for each day, in any amount of memory.

Few people do much and many do little (the square of a uniform number), and so it is with
categories, pages and values; nine event names from 55 % to 0.5 % of all rows. Events lie evenly
over the days, beginning in the middle of one, so that no window falls on the edge of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from fewer.model.window import DAY

START: Final = 1_785_576_600_000_000
"""UTC micros of the first event: 2026-08-01 09:30."""

DAYS: Final = 90

NAMES: Final = (
    ("page_view", 0.55),
    ("product_view", 0.25),
    ("article_read", 0.07),
    ("video_play", 0.04),
    ("add_to_cart", 0.05),
    ("whitepaper_download", 0.01),
    ("ad_click", 0.015),
    ("form_submit", 0.005),
    ("purchase", 0.01),
)
"""Event names, and their share of all events."""

CATEGORIES: Final = 200
PAGES: Final = 5_000
DEVICES: Final = ("mobile", "desktop", "tablet", "tv")

_FILE: Final = """
SELECT
  lpad(to_hex((
    (i::HUGEINT * 11400714819323198485 + {seed}) % 18446744073709551616
  )::UBIGINT), 16, '0') AS event_id,
  'u' || lpad(floor({people} * power(r1, 2.0))::BIGINT::VARCHAR, 8, '0') AS user_id,
  to_timestamp(0) + to_microseconds({start} + (i::HUGEINT * {span} // {count})::BIGINT) AS ts,
  {event} AS event,
  'cat_' || floor({categories} * power(r3, 2.5))::INT AS category,
  '/p/' || floor({pages} * power(r4, 3.0))::INT AS page,
  {device} AS device,
  round(5 + 200 * power(r5, 3.0), 2) AS value
FROM (
  SELECT i, {draws} FROM range({low}, {high}) AS t(i)
)
"""


@dataclass(frozen=True, slots=True)
class Log:
    """A log that can be written: so many events of so many people over `DAYS` days."""

    events: int
    people: int
    seed: int = 1

    @property
    def end(self) -> int:
        """UTC micros at which it ends: the moment at which segments are asked for."""
        return START + DAYS * DAY

    def write(self, folder: Path) -> None:
        """Write the files of all days."""
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as db:
            for day in range(DAYS):
                self._write_day(db, folder, day)

    def write_next(self, folder: Path, *, days: int = 1) -> None:
        """Write days after the last one, at the same rate."""
        with duckdb.connect(config={"threads": 2}) as db:
            for day in range(DAYS, DAYS + days):
                self._write_day(db, folder, day)

    def _write_day(self, db: duckdb.DuckDBPyConnection, folder: Path, day: int) -> None:
        low, high = (n * self.events // DAYS for n in (day, day + 1))
        rows = _FILE.format(
            seed=self.seed * 7_919,
            people=self.people,
            start=START,
            span=DAYS * DAY,
            count=self.events,
            event=_stepped("r2", NAMES),
            categories=CATEGORIES,
            pages=PAGES,
            device=_stepped("r6", tuple(zip(DEVICES, (0.6, 0.3, 0.08, 0.02), strict=True))),
            draws=", ".join(self._draws()),
            low=low,
            high=high,
        )
        path = folder / f"day-{day:03d}.parquet"
        db.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")

    def _draws(self) -> Iterator[str]:
        """Uniform numbers below 1 that follow from the seed and the number of the event."""
        for n in range(1, 7):
            salt = self.seed * 1_000_003 * 16 + n
            yield f"(hash(i * 16 + {n}, {salt}) % 1000000) / 1e6::DOUBLE AS r{n}"


def _stepped(draw: str, shares: tuple[tuple[str, float], ...]) -> str:
    """SQL that turns a uniform number into one of some texts."""
    reached, cases = 0.0, []
    for text, share in shares[:-1]:
        reached += share
        cases.append(f"WHEN {draw} < {reached:.6f} THEN '{text}'")
    return f"CASE {' '.join(cases)} ELSE '{shares[-1][0]}' END"
