"""Articles on an intranet, with all that makes naive ratios large, and a truth that is known.

One row an interaction: VIEW, LIKE, BOOKMARK, FOLLOW, COMMENT CREATED. People differ in how much
they read; reading three times or more in a week changes the chance of reacting in the next by
`Plan.changes` and by nothing else. What a naive count adds comes from further mechanisms, each
with its own number: the session of a reaction is full of views, reactions are interactions
themselves, people come late, and people leave.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.journey.measure.claims.panel import Conversions, Look
from fewer.model.window import DAY, MINUTE

START_US = 1_735_516_800_000_000  # 2024-12-30, a Monday
WEEK = 7 * DAY
VIEW, REACTIONS = "VIEW", ("LIKE", "BOOKMARK", "FOLLOW", "COMMENT CREATED")
LEVELS = (1, 2, 4, 8, 16, 32)

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """A world, in numbers."""

    people: int = 1_500
    weeks: int = 22
    seed: int = 1
    base: float = 0.03  # chance of reacting in a week of who reads least
    changes: float = 1.0  # times as likely after three views or more: the truth
    levels: tuple[float, ...] = (0.6, 2.2, 6.0)  # views a week
    drawn: tuple[float, ...] = (1.0, 1.0, 1.0)  # times the chance of reacting, by level
    session: int = 0  # at most so many views in the session of a reaction, before it
    leave: float = 0.0  # share of people who leave at some time
    late: float = 0.0  # share who come at some time
    once: bool = False  # whoever reacted is gone: nobody reacts again


@dataclass(frozen=True)
class World:
    """All interactions in the order of time; event 0 is a view, 1-4 a reaction."""

    plan: Plan
    person: Ints
    ts: Ints
    event: Ints
    conversions: Conversions = field(repr=False)

    def looks(self, first: int, last: int, *, own: bool = False) -> list[Look]:
        """Three or more interactions against exactly one at the Mondays of weeks, counted plainly.

        Args:
            first: Week whose Monday is the first index time.
            last: That of the last, itself included.
            own: Whether reactions count as interactions.
        """
        counted = np.ones(len(self.ts), dtype=bool) if own else self.event == 0
        return [self._look(START_US + week * WEEK, counted) for week in range(first, last + 1)]

    def _look(self, t: int, counted: NDArray[np.bool_]) -> Look:
        inside = counted & (self.ts >= t - WEEK) & (self.ts < t)
        n = np.bincount(self.person[inside], minlength=self.plan.people)
        past = (self.ts >= t - WEEK - 90 * DAY) & (self.ts < t - WEEK)
        day = (self.ts[past] - START_US) // DAY
        active = np.unique(self.person[past] * 10_000 + day) // 10_000
        days = np.bincount(active, minlength=self.plan.people)
        strata = tuple(_people(days >= level) for level in LEVELS)
        return Look(t, (_people(n >= 3),), _people(n == 1), strata)


def _people(which: NDArray[np.bool_]) -> BitMap:
    return BitMap(np.flatnonzero(which).astype(np.uint32))


def world(plan: Plan | None = None, **changed: Any) -> World:
    """The world of a plan."""
    plan = replace(plan or Plan(), **changed)
    rng = np.random.default_rng(plan.seed)
    n = plan.people
    level = np.arange(n) % len(plan.levels)
    reads, drawn = np.asarray(plan.levels)[level], np.asarray(plan.drawn)[level]
    comes = np.where(rng.random(n) < plan.late, rng.integers(0, plan.weeks, n), 0)
    goes = np.where(rng.random(n) < plan.leave, rng.integers(1, plan.weeks, n), plan.weeks)
    rows: list[tuple[Ints, Ints, Ints]] = []
    seen = np.zeros(n, dtype=np.int64)  # views of the week before, all of them
    for week in range(plan.weeks):
        monday = START_US + week * WEEK
        there = (comes <= week) & (week < goes)
        views = rng.poisson(reads) * there
        chance = np.minimum(plan.base * drawn * np.where(seen >= 3, plan.changes, 1.0), 0.9)
        reacts = np.flatnonzero(there & (rng.random(n) < chance))
        who = np.repeat(np.arange(n), views)
        rows.append((who, monday + rng.integers(0, WEEK, len(who)), np.zeros(len(who), np.int64)))
        when = monday + rng.integers(60 * MINUTE, WEEK - MINUTE, len(reacts))
        rows.append((reacts, when, rng.integers(1, 5, len(reacts))))
        many = rng.integers(0, plan.session + 1, len(reacts))
        for nth in range(plan.session):
            some = many > nth
            near = when[some] - (2 + 3 * nth) * MINUTE
            rows.append((reacts[some], near, np.zeros(len(near), np.int64)))
        views[reacts] += many
        seen = views
        if plan.once:
            goes[reacts] = np.minimum(goes[reacts], week + 1)
    person, ts, event = (np.concatenate(part) for part in zip(*rows, strict=True))
    order = np.argsort(ts, kind="stable")
    person, ts, event = person[order], ts[order], event[order]
    hit = event > 0
    conversions = Conversions(person[hit].astype(np.uint32), ts[hit])
    return World(plan, person, ts, event, conversions)


def write(folder: Path, made: World, claims: str) -> Path:
    """A project with the log as such platforms export it, and nothing but YAML beside it."""
    (folder / "data").mkdir(parents=True)
    names = (VIEW, *REACTIONS)
    with (folder / "data/users_interactions.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("timestamp", "eventType", "contentId", "personId", "sessionId"))
        for p, t, e in zip(made.person, made.ts, made.event, strict=True):
            day = int(t) // DAY
            out.writerow((int(t) // 1_000_000, names[e], f"c{(int(p) * 7 + day) % 97}", f"u{p}",
                          f"s{p}x{day}"))  # fmt: skip
    (folder / "fewer.yaml").write_text(FEWER, encoding="utf-8")
    (folder / "goals.yaml").write_text(GOALS, encoding="utf-8")
    (folder / "segments").mkdir()
    (folder / "segments/all.yaml").write_text(SEGMENTS, encoding="utf-8")
    (folder / "claims.yaml").write_text(claims, encoding="utf-8")
    return folder


FEWER = """\
name: Articles
sources:
  - id: log
    files: data/users_interactions.csv
    events:
      event: {column: eventType}
      person: personId
      ts: {column: timestamp, format: epoch_s}
      properties: {contentId: {column: contentId, type: text}}
"""
GOALS = """\
- id: reacts
  name: Reacts to an article within a week
  did: [LIKE, BOOKMARK, FOLLOW, COMMENT CREATED]
  outcome_window: 7d
"""
SEGMENTS = "- {id: readers, type: content, where: {did: VIEW, within: 30d}}\n"
