"""Earlier measurements of the same refresh: what has changed since, and why it could.

A window that was still open, events that arrived late, or an ad report that a platform revised
changes figures afterwards. Kept are counts by segment and goal, never people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fewer.model.window import from_utc_micros
from fewer.project import clock

if TYPE_CHECKING:
    from fewer.journey.measure.cost import CostTable
    from fewer.journey.measure.table import OutcomeTable
    from fewer.project.project import Project

_MOST: Final = 400


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that is not what it was when first measured."""

    what: str  # "pricing_hot, order": conversions of people; "pricing_hot, ads": reported ones
    then: float
    now: float
    measured: str  # when it was first measured
    why: str

    @property
    def words(self) -> str:
        """``pricing_hot, order: 48 conversions on 2026-03-01, 61 now (window was open)``."""
        return (
            f"{self.what}: {self.then:,.0f} conversions on {self.measured}, {self.now:,.0f} now"
            f" ({self.why})"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "what": self.what,
            "then": self.then,
            "now": self.now,
            "measured": self.measured,
            "why": self.why,
            "words": self.words,
        }


def remember(
    project: Project, build: str, outcomes: OutcomeTable, costs: CostTable | None
) -> tuple[Change, ...]:
    """What changed since this refresh was first measured; and note what it is now.

    Where the project folder can't be written to, nothing is noted.
    """
    path = project.store.root / "measured" / f"{build}.jsonl"
    record = {
        "at_us": clock.now_us(),
        "generation": project.generation.number,
        "people": {
            f"{row.segment}, {row.goal}": [row.group.conversions, row.design.complete]
            for row in outcomes.rows
            if row.variant_of is None
        },
        "ads": {
            f"{row.segment}, ads": row.totals["conversions"]
            for row in (costs.rows if costs else ())
            if row.arm is None
        },
    }
    earlier = _read(path)
    same = {"people", "ads", "generation"}
    if not earlier or any(earlier[-1].get(k) != record[k] for k in same):
        _append(path, record)
    return _changes(earlier[0], record) if earlier else ()


def _changes(first: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    day = from_utc_micros(int(first["at_us"])).date().isoformat()
    found = []
    for what, (conversions, _) in now["people"].items():
        then = first["people"].get(what)
        if then is None or then[0] == conversions:
            continue
        why = "events that arrived later" if then[1] else "its window was still open"
        found.append(Change(what, then[0], conversions, day, why))
    for what, conversions in now["ads"].items():
        then = first["ads"].get(what)
        if then is not None and then != conversions:
            why = "the platform reported more days or revised them"
            found.append(Change(what, then, conversions, day, why))
    return tuple(found)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines[:1] + lines[1:][-_MOST:]]
    except (OSError, ValueError):
        return []


def _append(path: Path, record: Mapping[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
    except OSError:
        return
