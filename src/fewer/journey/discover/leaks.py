"""What is part of converting: it tells that someone is at the till, not that someone will buy.

An event (or a value, item or number of one) is refused when most who convert have it within the
hour before, and those who have it are many times as likely to convert within the hour as everyone
is to convert. A trait is refused when nearly all who convert afterwards carry it and hardly anyone
else: it was written when they converted (``customer_since``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from fewer.evaluate.engines.base import Engine
from fewer.journey.discover.facts import Facts, NumberFact, column, sql
from fewer.model.catalog import ITEM_ID, ITEM_PREFIX, Catalog
from fewer.model.number import to_micros
from fewer.model.window import HOUR

SPAN: Final = HOUR
MOST: Final = 0.8  # of those who convert, within the hour before
CLOSE_SPAN: Final = HOUR // 6
CLOSE_MOST: Final = 0.5  # of those who convert, within ten minutes before
TELLING: Final = 4.0  # times the odds of everyone
ENOUGH: Final = 20  # people who convert
WRITTEN: Final = 20.0  # times the odds of a trait among all others, when converting writes it


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that is part of converting."""

    name: str  # event, event:property=value, event:property, or trait:name
    share: float  # of those who convert, who have it within the hour before (a trait: at all)
    ratio: float  # odds that its people convert within the hour, over those of everyone
    kind: Literal["moment", "trait"] = "moment"

    @property
    def words(self) -> str:
        """Why it is refused."""
        if self.kind == "trait":
            return (
                f"{self.share:.0%} of those who convert afterwards carry it; the odds that they do"
                f" are {self.ratio:.0f} times those of all others: it looks written on converting"
            )
        return (
            f"{self.share:.0%} of those who convert have it in the hour before; the odds that its"
            f" people convert then are {self.ratio:.0f} times those of everyone"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "share": round(self.share, 4),
            "ratio": round(self.ratio, 2),
        }


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
    item = catalog.properties.get(ITEM_ID, {}).get("text")
    for name in sorted({v.property for v in facts.values}):
        for text, columns in _texts(catalog, name, item):
            for row in run(text, **columns):
                known = of_value.get((row["event"], name, row["value"]))
                if known and row["event"] not in refused:
                    found += judge.judged(f"{row['event']}:{name}={row['value']}", row, known)
    for number in facts.numbers:
        if number.event not in refused:
            found += _of_number(run, judge, catalog, number)
    return sorted(found, key=lambda leak: (-leak.share, leak.name))


def _texts(
    catalog: Catalog, name: str, item: str | None
) -> Iterable[tuple[str, dict[str, exp.Column]]]:
    """Queries for the values of a property of events or of their items."""
    if name.startswith(ITEM_PREFIX):
        typed = catalog.items.get(name.removeprefix(ITEM_PREFIX), {})
        if item is not None and "text" in typed:
            yield _ITEM_VALUES, {"value": column(typed["text"], "i"), "item": column(item, "e")}
        return
    for kind, stored in catalog.event_columns(name).items():
        if kind in {"text", "boolean"}:
            yield _VALUES, {"value": column(stored, "e")}


def _of_number(
    run: Callable[..., list[dict[str, Any]]], judge: _Judge, catalog: Catalog, number: NumberFact
) -> Iterable[Leak]:
    """At most one for a number: the bound that says the most about converting."""
    stored = column(catalog.event_columns(number.property)["number"], "e")
    bounds = [to_micros(bound) for bound in number.quantiles]
    worst: list[Leak] = []
    for bound in bounds:
        [row] = run(_ABOVE, value=stored, bound=bound, name=number.event)
        [whole] = run(_ABOVE_IN_ALL, value=stored, bound=bound, name=number.event)
        name = f"{number.event}:{number.property}"
        worst += judge.judged(name, row, int(whole["people"]))
    return sorted(worst, key=lambda leak: -leak.ratio)[:1]


def of_traits(
    engine: Engine,
    catalog: Catalog,
    names: Iterable[str],
    *,
    converted: NDArray[np.uint32],
    others: NDArray[np.uint32],
) -> list[Leak]:
    """Traits that nearly all who convert carry, and hardly anyone else.

    Args:
        engine: Where the people are.
        catalog: Columns of the traits.
        names: Traits to judge.
        converted: People who reach the goal after the moment, ascending.
        others: People who do not, ascending.
    """
    found: list[Leak] = []
    if len(converted) < ENOUGH or not len(others):
        return found
    for name in sorted(set(names)):
        for stored in catalog.traits[name].values():
            rows = engine.run(sql(_CARRY, start=0, end=1, value=column(stored)))
            who = np.unique(rows.column("person").to_numpy().astype(np.uint32))
            inside = float(np.isin(converted, who).mean())
            outside = float(np.isin(others, who).mean())
            ratio = _odds(inside) / _odds(outside)
            if inside >= MOST and ratio >= WRITTEN:
                found.append(Leak(f"trait:{name}", inside, ratio, "trait"))
    return found


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
_ITEM_VALUES: Final = """
    SELECT e.event AS event, $value AS value, count(DISTINCT e.person) AS people,
           count(DISTINCT CASE WHEN e.ts >= f.at - $near THEN e.person END) AS close
    FROM events AS e JOIN firsts AS f ON f.person = e.person JOIN items AS i ON i.item_id = $item
    WHERE e.ts <= f.at AND e.ts >= f.at - $span AND e.ts >= $start - $span
      AND $value IS NOT NULL
    GROUP BY e.event, $value
"""
_ABOVE: Final = """
    SELECT count(DISTINCT e.person) AS people,
           count(DISTINCT CASE WHEN e.ts >= f.at - $near THEN e.person END) AS close
    FROM events AS e JOIN firsts AS f ON f.person = e.person
    WHERE e.ts <= f.at AND e.ts >= f.at - $span AND e.ts >= $start - $span
      AND e.event = $name AND $value >= $bound
"""
_ABOVE_IN_ALL: Final = """
    SELECT count(DISTINCT e.person) AS people FROM events AS e
    WHERE e.ts >= $start AND e.ts < $end AND e.event = $name AND $value >= $bound
"""
_CARRY: Final = """
    SELECT person FROM people WHERE $value IS NOT NULL AND $start < $end
"""
