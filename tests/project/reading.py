"""A magazine whose readers subscribe: content people read, and what leads to converting.

Interest differs between people and decides how much they read and whether they buy. Whoever buys
reads a lot in that same session, right before, and is at the checkout a minute before.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2025, 9, 1, tzinfo=UTC)  # a Monday
WEEKS = 26

FEWER = """\
name: Magazine
sources:
  - id: log
    files: data/events.csv
    events:
      event: {column: event}
      person: person
      ts: ts
"""
GOALS = "- {id: order, name: Buys within a week, did: purchase, outcome_window: 7d}\n"
SEGMENTS = """\
- {id: readers, name: Read something in the last 30 days, where: {did: view, within: 30d}}
- {id: payers, where: {did: checkout, within: 30d}}
- {id: singles, where: {did: view, within: 7d, count: {exactly: 1}}}
- {id: ever, where: {did: view}}
- {id: none, where: {did_not: view, within: 14d}}
"""


def world(people: int = 2_500, seed: int = 3) -> list[tuple[int, datetime, str]]:
    """Rows of person, time and event, in the order of people."""
    rng = np.random.default_rng(seed)
    rows = []
    interest = rng.gamma(1.2, 0.8, people)
    for person in range(people):
        for week in range(WEEKS):
            views = rng.poisson(0.9 * interest[person])
            days = rng.random(views) * 7
            at = [START + timedelta(days=week * 7 + float(d)) for d in days]
            rows += [(person, t, "view") for t in at]
            if rng.random() < 0.01 * (interest[person] + min(views, 6) * 0.5):
                bought = START + timedelta(days=week * 7 + float(rng.random() * 6.8))
                session = [bought - timedelta(minutes=m) for m in range(30, 2, -4)]
                rows += [(person, t, "view") for t in session]
                rows.append((person, bought - timedelta(minutes=1), "checkout"))
                rows.append((person, bought, "purchase"))
    return rows


def write(folder: Path, rows: list[tuple[int, datetime, str]]) -> Path:
    """A project with these events, ready to be ingested."""
    (folder / "data").mkdir(parents=True)
    with (folder / "data/events.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("person", "ts", "event"))
        out.writerows((f"p{p}", t.strftime("%Y-%m-%d %H:%M:%S"), e) for p, t, e in rows)
    (folder / "fewer.yaml").write_text(FEWER, encoding="utf-8")
    (folder / "goals.yaml").write_text(GOALS, encoding="utf-8")
    (folder / "segments").mkdir()
    (folder / "segments/all.yaml").write_text(SEGMENTS, encoding="utf-8")
    return folder
