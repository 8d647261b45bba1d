"""Programmes whose truth is known, as the files of a project: people, visits, lots, orders, ads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

START: Final = datetime(2024, 4, 1, tzinfo=UTC)
WEEK: Final = timedelta(days=7)
VALUE: Final = 50.0

Visits = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People of one segment, and what reaching them changes.

    Attributes:
        people: How many visit within `visits_days` before each refresh.
        rate: Share that orders in the week after, unreached.
        ratio: What reaching them multiplies that by.
        cost: Spent a week on each who is reached; None without ad reports.
        noise: Standard deviation of the logarithm of what a day costs.
        within: The segment's window, in days.
        recent_rate: Share of those who visited within a week; None for the same as `rate`.
        lost: Share of the reached who order and are lost from the lot: a broken split.
    """

    id: str
    people: int
    rate: float = 0.1
    ratio: float = 1.0
    cost: float | None = None
    noise: float = 0.3
    within: int = 7
    visits_days: int = 7
    recent_rate: float | None = None
    lost: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Programme:
    """Files of a project, written week by week."""

    folder: Path
    groups: Sequence[Group]
    seed: int = 1
    held_out: float | None = 0.5  # by a list; None without a holdout
    weeks: int = 4
    currency: str = "EUR"
    assigned: bool = False  # who is reached is decided by the product, and orders come later
    rows: list[tuple[str, str, datetime, str, float | None]] = field(default_factory=list)
    ads: list[tuple[str, str, float]] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    @property
    def moments(self) -> list[datetime]:
        """Refreshes: each with a week of visits before it and one of orders after it."""
        return [START + (n + 5) * WEEK for n in range(self.weeks)]

    def write(self) -> Programme:
        """Settings, definitions and data; returns itself."""
        (self.folder / "segments").mkdir(parents=True)
        (self.folder / "data").mkdir()
        self._put("fewer.yaml", self._settings())
        self._put("goals.yaml", [{"id": "order", "name": "Orders within a week", "did": "order",
                                  "value": {"of": "value"}, "outcome_window": "7d"}])  # fmt: skip
        self._put("segments/all.yaml", [self._segment(group) for group in self.groups])
        if self.held_out is not None:
            self._put(
                "segments/held.yaml",
                [{"id": "holdout", "where": {"in_list": "holdout"}, "exclude_defaults": False}],
            )
        dice = np.random.default_rng(self.seed)
        for group in self.groups:
            reached = dice.random(group.people) >= (self.held_out or 0.0)
            pairs = zip(self.people(group), reached.tolist(), strict=True)
            self.held |= {person for person, is_reached in pairs if not is_reached}
            back = self.visits(group, dice)
            if not self.assigned:
                self.outcomes(group, back, reached.tolist(), dice)
        self.save()
        return self

    def people(self, group: Group) -> list[str]:
        """Ids of a group's people."""
        return [f"{group.id}-{n}" for n in range(group.people)]

    def visits(self, group: Group, dice: np.random.Generator) -> Visits:
        """Everyone comes once in each `visits_days`, at a time of their own.

        Returns how many days before each refresh: (refreshes, people).
        """
        phase = dice.random(group.people) * group.visits_days
        end = (self.moments[-1] - START + WEEK).days
        for person, first in zip(self.people(group), phase.tolist(), strict=True):
            for days in np.arange(first, end, group.visits_days).tolist():
                self.rows.append((person, "visit", START + timedelta(days=days), group.id, None))
        since = np.array([(moment - START).days for moment in self.moments])
        back: Visits = (since[:, None] - phase) % group.visits_days
        return back

    def outcomes(
        self, group: Group, back: Visits, reached: Sequence[bool], dice: np.random.Generator
    ) -> None:
        """Orders of the week after each refresh, and what reaching people cost in it."""
        lost = set()
        for moment, days in zip(self.moments, back, strict=True):
            base = np.where(days < WEEK.days, group.recent_rate or group.rate, group.rate)
            hit = dice.random(group.people) < base * np.where(reached, group.ratio, 1.0)
            for n in np.flatnonzero(hit).tolist():
                at = moment + timedelta(days=float(dice.random() * 6.9))
                worth = round(VALUE * float(np.exp(dice.normal(0, 0.3))), 2)
                self.rows.append((f"{group.id}-{n}", "order", at, "", worth))
                if reached[n] and dice.random() < group.lost:
                    lost.add(f"{group.id}-{n}")
            if group.cost is not None:
                for day in range(WEEK.days):
                    fair = group.cost * sum(reached) / WEEK.days
                    spend = fair * float(np.exp(dice.normal(0, group.noise)))
                    date = (moment + timedelta(days=day)).date().isoformat()
                    self.ads.append((date, group.id, round(spend, 2)))
        if lost:
            self.rows = [row for row in self.rows if row[0] not in lost]

    def save(self) -> None:
        """What is new as files: a file of events each time, the others anew."""
        person, event, ts, topic, value = zip(*self.rows, strict=True)
        stamps = [at.isoformat() for at in ts]
        name = f"events{len(list((self.folder / 'data').glob('events*')))}"
        self._table(name, person=person, event=event, ts=stamps, topic=topic, value=value)
        self.rows = []
        if self.held_out is not None:
            self._table("held", person=sorted(self.held))
        if self.ads:
            day, segment, spend = zip(*self.ads, strict=True)
            money = [self.currency] * len(day)
            self._table("ads", day=day, segment=segment, spend=spend, currency=money)

    def _segment(self, group: Group) -> dict[str, Any]:
        where = {"did": "visit", "where": {"topic": group.id}, "within": f"{group.within}d"}
        return {"id": group.id, "where": where, **group.more}

    def _settings(self) -> dict[str, Any]:
        events = {"event": {"column": "event"}, "person": "person", "ts": "ts", "properties": {
            "topic": "topic", "value": {"column": "value", "type": "number"}}}  # fmt: skip
        sources: list[dict[str, Any]] = [
            {"id": "web", "files": "data/events*.csv", "events": [events]}
        ]
        found: dict[str, Any] = {
            "version": 1, "name": "World", "data": "simulated", "currency": "EUR",
            "sources": sources,
        }  # fmt: skip
        if any(group.cost is not None for group in self.groups):
            report = {"day": "day", "segment": "segment", "currency": "currency",
                      "platform": {"constant": "meta"},
                      "spend": {"column": "spend", "type": "number"}}  # fmt: skip
            sources.append({"id": "ads", "files": "data/ads.csv", "ad_reports": report})
        if self.held_out is not None:
            lists = {"list": "holdout", "person": "person"}
            sources.append({"id": "held", "files": "data/held.csv", "lists": lists})
            found["exclude"] = ["holdout"]
            found["holdout"] = {"list": "holdout", "percent": round(self.held_out * 100)}
        return found

    def _put(self, name: str, value: Any) -> None:
        (self.folder / name).write_text(json.dumps(value, indent=1))

    def _table(self, name: str, **columns: Sequence[Any]) -> None:
        table = pa.table({key: list(values) for key, values in columns.items()})
        pyarrow.csv.write_csv(table, self.folder / f"data/{name}.csv")
