"""What the data holds that a condition can speak of: values, paths and numbers, with people."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import sqlglot
from sqlglot import exp

from fewer.evaluate.engines.base import Engine
from fewer.model.catalog import ITEM_ID, ITEM_PREFIX, Catalog
from fewer.model.mapping import PATH_SEPARATOR
from fewer.model.number import from_micros

PATH: Final = "category"
_MOST_VALUES: Final = 40  # of one property of one event
_QUANTILES: Final = (0.5, 0.75, 0.9)
_FEW_NUMBERS: Final = 6  # distinct numbers up to which a number is a code, not an amount

_LEAST_SHOWN: Final = 5  # people that share a value before it is shown to anyone
_IDENTIFIES: Final = re.compile(
    r"[^\s@]+@[^\s@]+\.[^\s@]"  # an e-mail address
    r"|(?<![\w.])\+?\d[\d ()./-]{6,}\d(?![\w.])"  # a telephone number
    r"|\b[0-9a-f]{32,}\b",  # a digest
    re.IGNORECASE,
)


def tells_who(value: str | bool | None) -> bool:
    """Whether a value may name a person: no condition is made of it, and nobody is shown it.

    >>> tells_who("write to ann@example.org"), tells_who("+49 30 1234567"), tells_who("shoes 2024")
    (True, True, False)
    """
    return isinstance(value, str) and _IDENTIFIES.search(value) is not None


@dataclass(frozen=True, slots=True)
class EventFact:
    """An event in the time looked at."""

    event: str
    rows: int
    people: int


@dataclass(frozen=True, slots=True)
class ValueFact:
    """A value of a property of an event (or ``item.attribute``), and who has it."""

    event: str
    property: str
    value: str | bool
    people: int
    is_path: bool = False  # a node of a category tree: it and all below it


@dataclass(frozen=True, slots=True)
class NumberFact:
    """A number that an event carries, with some of its quantiles, ascending."""

    event: str
    property: str
    quantiles: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class TraitFact:
    """A value, or quantiles, of a lasting attribute."""

    trait: str
    value: str | bool | None
    people: int
    quantiles: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All of them, each list from the most people to the fewest."""

    events: tuple[EventFact, ...]
    values: tuple[ValueFact, ...]
    numbers: tuple[NumberFact, ...]
    traits: tuple[TraitFact, ...]
    people: int = 0
    active: tuple[tuple[int, int], ...] = field(default=())  # days back -> people with an event


@dataclass(slots=True)
class Survey:
    """Looks at the events in ``[start, end)`` through an engine."""

    engine: Engine
    catalog: Catalog
    start_us: int
    end_us: int
    least: int  # people a value must have to be told
    skipped: set[str] = field(default_factory=set)  # properties that name things one by one

    def __post_init__(self) -> None:
        """A value of very few people says who they are."""
        self.least = max(self.least, _LEAST_SHOWN)

    def take(self) -> Facts:
        """Every fact."""
        events = tuple(self._events())
        names = [e.event for e in events if e.people >= self.least]
        values = [*self._values(), *self._of_items(names)]
        return Facts(
            events,
            tuple(sorted(values, key=lambda v: (-v.people, v.event, v.property, str(v.value)))),
            tuple(self._numbers()),
            tuple(self._traits()),
            people=self.count(),
        )

    def _run(self, text: str, **values: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.engine.run(
            sql(text, start=self.start_us, end=self.end_us, **values)
        ).to_pylist()
        return found

    def count(self) -> int:
        """People with an event."""
        rows = self._run("SELECT count(DISTINCT person) AS people FROM events WHERE $inside")
        return int(rows[0]["people"])

    def _events(self) -> Iterator[EventFact]:
        rows = self._run(
            "SELECT event, count(*) AS n, count(DISTINCT person) AS people FROM events"
            " WHERE $inside GROUP BY event"
        )
        for row in sorted(rows, key=lambda r: (-r["people"], r["event"])):
            yield EventFact(row["event"], row["n"], row["people"])

    def _values(self) -> Iterator[ValueFact]:
        for name, typed in self.catalog.properties.items():
            if name == ITEM_ID:
                continue
            for kind in ("text", "boolean"):
                if kind in typed:
                    yield from self._of_column(name, typed[kind])

    def _of_column(self, name: str, coded: str) -> Iterator[ValueFact]:
        rows = self._run(_VALUES, value=column(coded), least=self.least, most=_MOST_VALUES)
        for row in rows:
            if not tells_who(row["value"]):
                yield ValueFact(row["event"], name, row["value"], row["people"])

    def _of_items(self, names: Sequence[str]) -> Iterator[ValueFact]:
        item = self.catalog.properties.get(ITEM_ID, {}).get("text")
        if item is None or not names:
            return
        for name, typed in self.catalog.items.items():
            if "text" not in typed:
                continue
            rows = self._run(
                _ITEM_VALUES,
                value=column(typed["text"], "i"),
                item=column(item, "e"),
                least=1,
            )
            yield from self._nodes(name, [row for row in rows if row["event"] in names])

    def _nodes(self, name: str, rows: list[dict[str, Any]]) -> Iterator[ValueFact]:
        """Values of an attribute, or the nodes of its tree when values are paths."""
        is_path = any(PATH_SEPARATOR in row["value"] for row in rows)
        kept: dict[tuple[str, str], int] = defaultdict(int)
        for row in rows:
            parts = row["value"].split(PATH_SEPARATOR) if is_path else [row["value"]]
            for depth in range(1, len(parts) + 1):
                # People of a node: at least those of its largest branch, at most their sum.
                node = (row["event"], PATH_SEPARATOR.join(parts[:depth]))
                kept[node] += row["people"]
        by_event: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for (event, value), people in kept.items():
            if people >= self.least and not tells_who(value):
                by_event[event].append((value, people))
        for event, nodes in by_event.items():
            for value, people in sorted(nodes, key=lambda n: (-n[1], n[0]))[: 2 * _MOST_VALUES]:
                yield ValueFact(event, ITEM_PREFIX + name, value, people, is_path)

    def _numbers(self) -> Iterator[NumberFact]:
        for name, typed in self.catalog.properties.items():
            if "number" not in typed:
                continue
            rows = self._run(_NUMBERS, value=column(typed["number"]))
            for row in rows:
                quantiles = _quantiles(row)
                if row["people"] >= self.least and row["kinds"] > _FEW_NUMBERS and quantiles:
                    yield NumberFact(row["event"], name, quantiles)

    def _traits(self) -> Iterator[TraitFact]:
        for name, typed in self.catalog.traits.items():
            for kind in ("text", "boolean"):
                if kind in typed:
                    rows = self._run(
                        _TRAITS, value=column(typed[kind]), least=self.least, most=_MOST_VALUES
                    )
                    for row in rows:
                        if not tells_who(row["value"]):
                            yield TraitFact(name, row["value"], row["people"])
            if "number" in typed:
                [row] = self._run(_TRAIT_NUMBERS, value=column(typed["number"]))
                quantiles = _quantiles(row)
                if row["people"] and row["people"] >= self.least and quantiles:
                    yield TraitFact(name, None, row["people"], quantiles)


def _quantiles(row: dict[str, Any]) -> tuple[Decimal, ...]:
    found = [row[f"q{at}"] for at in range(len(_QUANTILES))]
    if None in found:
        return ()
    rounded = {_round(from_micros(int(value))) for value in found}
    return tuple(sorted(rounded))


def _round(value: Decimal) -> Decimal:
    """Two digits that count: a person writes 30, not 29.87.

    >>> _round(Decimal("29.87")), _round(Decimal("1234")), _round(Decimal("0.0517"))
    (Decimal('30'), Decimal('1200'), Decimal('0.052'))
    """
    if not value:
        return Decimal(0)
    step = Decimal(1).scaleb(value.adjusted() - 1)
    rounded = value.quantize(step) if step < 1 else (value / step).quantize(Decimal(1)) * step
    whole = rounded.to_integral_value()
    return whole.quantize(Decimal(1)) if rounded == whole else rounded.normalize()


def column(name: str, table: str | None = None) -> exp.Column:
    """A column by its coded name from the catalog."""
    return exp.column(name, table=table, quoted=True)


@lru_cache(maxsize=64)
def _parsed(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, dialect="duckdb")


def sql(text: str, *, start: int, end: int, **values: Any) -> exp.Query:
    """The tree of a constant query; ``$name`` becomes the node, number or list that is given."""
    whole = text.replace("$inside", "ts >= $start AND ts < $end")
    given = {name: exp.convert(value) for name, value in values.items()}
    given |= {"start": _int(start), "end": _int(end)}
    tree = exp.replace_placeholders(_parsed(whole).copy(), **given)
    assert isinstance(tree, exp.Query)  # noqa: S101  the text is constant
    return tree


def _int(value: int) -> exp.Expr:
    literal = exp.Literal.number(abs(value))
    return literal if value >= 0 else exp.Neg(this=literal)


_VALUES: Final = """
    SELECT event, value, people FROM (
      SELECT event, $value AS value, count(DISTINCT person) AS people,
             row_number() OVER (
               PARTITION BY event ORDER BY count(DISTINCT person) DESC, $value
             ) AS place
      FROM events
      WHERE $inside AND $value IS NOT NULL
      GROUP BY event, $value
      HAVING count(DISTINCT person) >= $least
    ) AS ranked
    WHERE place <= $most
"""
_ITEM_VALUES: Final = """
    SELECT e.event AS event, $value AS value, count(DISTINCT e.person) AS people
    FROM events AS e JOIN items AS i ON i.item_id = $item
    WHERE $inside AND $value IS NOT NULL
    GROUP BY e.event, $value
    HAVING count(DISTINCT e.person) >= $least
"""
_NUMBERS: Final = """
    SELECT event, count(DISTINCT person) AS people, approx_count_distinct($value) AS kinds,
           approx_quantile($value, 0.5) AS q0, approx_quantile($value, 0.75) AS q1,
           approx_quantile($value, 0.9) AS q2
    FROM events WHERE $inside AND $value IS NOT NULL
    GROUP BY event
"""
_TRAITS: Final = """
    SELECT $value AS value, count(DISTINCT person) AS people FROM people
    WHERE $value IS NOT NULL AND $start < $end
    GROUP BY $value HAVING count(DISTINCT person) >= $least
    ORDER BY people DESC, value LIMIT 40
"""
_TRAIT_NUMBERS: Final = """
    SELECT count(DISTINCT person) AS people, approx_quantile($value, 0.5) AS q0,
           approx_quantile($value, 0.75) AS q1, approx_quantile($value, 0.9) AS q2
    FROM people WHERE $value IS NOT NULL AND $start < $end
"""
