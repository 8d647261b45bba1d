"""What is part of converting: it tells that someone is at the till, not that someone will buy.

An event (or a value of one) is refused when most who convert have it within the hour before, and
those who have it are many times as likely to convert within the hour as everyone is to convert.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlglot import exp

from fewer.evaluate.engines.base import Engine
from fewer.journey.discover.facts import Facts, column, sql
from fewer.model.catalog import ITEM_PREFIX, Catalog
from fewer.model.window import HOUR

SPAN: Final = HOUR
MOST: Final = 0.8  # of those who convert, within the hour before
CLOSE_SPAN: Final = HOUR // 6
CLOSE_MOST: Final = 0.5  # of those who convert, within ten minutes before
TELLING: Final = 4.0  # times the odds of everyone
ENOUGH: Final = 20  # people who convert


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that is part of converting."""

    name: str  # event, or event:property=value
    share: float  # of those who convert, who have it within the hour before
    ratio: float  # odds that its people convert within the hour, over those of everyone

    @property
    def words(self) -> str:
        """Why it is refused."""
        return (
            f"{self.share:.0%} of those who convert have it in the hour before; the odds that its"
            f" people convert then are {self.ratio:.0f} times those of everyone"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"name": self.name, "share": round(self.share, 4), "ratio": round(self.ratio, 2)}


def leaks(
    engine: Engine,
    catalog: Catalog,
    facts: Facts,
    *,
    goal: exp.Expr,
    own: Collection[str],
    start_us: int,
    end_us: int,
) -> list[Leak]:
    """Events and values that are part of converting, in ``[start, end)``.

    Args:
        engine: Where the events are.
        catalog: Columns of the properties.
        facts: What was seen of events and values, with their people.
        goal: Test of an event ``g`` that it is a conversion.
        own: Names of the goal's own events, which are never judged.
        start_us: From here on.
        end_us: Up to here.
    """

    def run(text: str, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = engine.run(
            sql(_WITH + text, start=start_us, end=end_us, goal=goal, span=SPAN, near=CLOSE_SPAN,
                **more)
        ).to_pylist()  # fmt: skip
        return found

    [whole] = run("SELECT count(DISTINCT person) AS people FROM firsts")
    converters, everyone = int(whole["people"]), max(facts.people, 1)
    if converters < ENOUGH:
        return []
    judge = _Judge(converters, everyone)
    people = {e.event: e.people for e in facts.events}
    found: list[Leak] = []
    for row in run(_EVENTS):
        if row["event"] not in own:
            found += judge.judged(row["event"], row, people.get(row["event"], 0))
    refused = {leak.name for leak in found} | set(own)
    of_value = {(v.event, v.property, v.value): v.people for v in facts.values}
    for name in sorted({v.property for v in facts.values}):
        typed = catalog.event_columns(name)
        if name.startswith(ITEM_PREFIX) or "text" not in typed:
            continue
        for row in run(_VALUES, value=column(typed["text"], "e")):
            known = of_value.get((row["event"], name, row["value"]))
            if known and row["event"] not in refused:
                found += judge.judged(f"{row['event']}:{name}={row['value']}", row, known)
    return sorted(found, key=lambda leak: (-leak.share, leak.name))


@dataclass(frozen=True, slots=True)
class _Judge:
    converters: int
    everyone: int

    def judged(self, name: str, row: dict[str, Any], people: int) -> Iterable[Leak]:
        share, close = row["people"] / self.converters, row["close"] / self.converters
        followed = row["people"] / max(people, row["people"], 1)
        base = self.converters / self.everyone
        ratio = _odds(followed) / _odds(base)
        if ratio >= TELLING and (share >= MOST or close >= CLOSE_MOST):
            yield Leak(name, share, ratio)


def _odds(share: float) -> float:
    inside = min(max(share, 1e-4), 0.99)
    return inside / (1 - inside)


_WITH: Final = """
    WITH firsts AS (
      SELECT g.person AS person, min(g.ts) AS at FROM events AS g
      WHERE g.ts >= $start AND g.ts < $end AND $goal GROUP BY g.person
    )
"""
_EVENTS: Final = """
    SELECT e.event AS event, count(DISTINCT e.person) AS people,
           count(DISTINCT CASE WHEN e.ts >= f.at - $near THEN e.person END) AS close
    FROM events AS e JOIN firsts AS f ON f.person = e.person
    WHERE e.ts <= f.at AND e.ts >= f.at - $span AND e.ts >= $start - $span
    GROUP BY e.event
"""
_VALUES: Final = """
    SELECT e.event AS event, $value AS value, count(DISTINCT e.person) AS people,
           count(DISTINCT CASE WHEN e.ts >= f.at - $near THEN e.person END) AS close
    FROM events AS e JOIN firsts AS f ON f.person = e.person
    WHERE e.ts <= f.at AND e.ts >= f.at - $span AND e.ts >= $start - $span
      AND $value IS NOT NULL
    GROUP BY e.event, $value
"""
