"""What a marketer could speak of: kinds of things, not codes, measures or single things.

Names of columns decide nothing, so it holds in any language. What decides is how values look and
how they are spread: over rows, over items, and over the events of one person.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

from fewer.journey.discover.facts import Facts, Survey, ValueFact, column, sql
from fewer.model.catalog import ITEM_ID, ITEM_PREFIX

_MOST: Final = 0.5  # of the values of a property that may look like codes
_ONE_EACH: Final = 0.5  # kinds of values over rows, or over items, from which they name single ones
_FEW: Final = 20  # rows or items below which nothing is said of that
_ONE_VALUE: Final = 0.97  # of the people who have any value
_CONSTANT: Final = 1.2  # values a person has, on average, up to which it belongs to the person
_OFTEN: Final = 3  # events of a person from which it shows
_LONGEST: Final = 60  # letters of a value that still is a name
_SAMPLED: Final = 20_000  # people that are enough to see how values vary

_NUMBER: Final = re.compile(r"[+-]?\d[\d.,' \u00a0]*%?")
_MEASURE: Final = re.compile(r"[<>~]?\d[\d.,/ ]*[-x ]?[^\W\d_]{1,4}\.?(\s*[x/].*)?", re.IGNORECASE)
_MONEY: Final = re.compile(
    r"([$€£¥₹]|[A-Z]{3})\s?[+-]?\d[\d.,' ]*|[+-]?\d[\d.,' ]*\s?([$€£¥₹]|[A-Z]{3}|zł|kr)"
)
_CODE: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{4,}|(?=\w*\d)[0-9a-f]{8,}|\d{4}-\d\d(-\d\d.*)?|\d{1,2}[./]\d{1,2}[./]\d+",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(r"\d{1,3}\s?[-–]\s?\d{1,3}\s?[kKmM%]?|\d{1,3}\+")  # of ages, incomes
_NOTHING: Final = frozenset({
    "", "-", "--", "?", "n/a", "na", "nan", "nil", "none", "null", "undefined", "unknown",
    "(none)", "(not set)", "not set", "keine angabe", "unbekannt", "inconnu", "desconocido",
})  # fmt: skip


class Rank(IntEnum):
    """How much a property says of what people want; the first is asked first."""

    PATH = 0  # nodes of a tree of categories
    KIND = 0  # changes from event to event: topics, brands, pages, categories
    PERSON = 2  # the same at every event of a person: device, country, plan


@dataclass(frozen=True, slots=True)
class Refused:
    """A property that no segment is made of, and why."""

    property: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"property": self.property, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Spread:
    """How the values of one property are spread.

    `things` are rows, or items for an attribute of items; `each` is how many different values a
    person with several events has, None where it is not known.
    """

    things: int = 0
    kinds: int = 0
    people: int = 0  # who have any value
    each: float | None = None


@dataclass(frozen=True, slots=True)
class Sayable:
    """Facts that can be said, how well, and what was left out."""

    facts: Facts
    ranks: Mapping[str, Rank]
    refused: tuple[Refused, ...]


def sayable(survey: Survey, facts: Facts) -> Sayable:
    """Of all values those of properties that say something; a refused property has one reason."""
    by_property: dict[str, list[ValueFact]] = defaultdict(list)
    for value in facts.values:
        by_property[value.property].append(value)
    traits: dict[str, list[str]] = defaultdict(list)
    for trait in facts.traits:
        if isinstance(trait.value, str):
            traits[trait.trait].append(trait.value)
    refused, ranks = [], {}
    spreads = _spreads(survey, by_property)
    for name, values in by_property.items():
        spread = spreads.get(name, Spread())
        reason = refusal(_texts(values), spread) or _one_value(values, spread)
        if reason:
            refused.append(Refused(name, reason))
        ranks[name] = rank(spread, is_path=any(v.is_path for v in values))
    refused += [Refused(n, why) for n, v in traits.items() if (why := refusal(v, Spread()))]
    refused += _unseen(survey, by_property)
    out = {one.property for one in refused}
    kept = replace(
        facts,
        values=tuple(v for v in facts.values if v.property not in out and _says(v.value)),
        traits=tuple(t for t in facts.traits if t.trait not in out and _says(t.value)),
    )
    return Sayable(kept, ranks, tuple(sorted(refused, key=lambda one: one.property)))


def refusal(values: Sequence[str], spread: Spread) -> str:
    """Why nothing is said of a property with these values; empty when it may be.

    >>> refusal(["9 OZ", "12 CT", "1.5 LB"], Spread())
    "its values are measures, such as '9 OZ'"
    >>> refusal(["1208", "A-77120", "69"], Spread())
    "its values are codes or numbers, such as '1208'"
    >>> refusal(["4,99 €", "12,00 €"], Spread())
    "its values are amounts of money written as text, such as '4,99 €'"
    >>> refusal(["Cats", "Dogs", "7UP"], Spread(things=900, kinds=3))
    ''
    """
    if not values:
        return ""
    if spread.things >= _FEW and spread.kinds >= _ONE_EACH * spread.things:
        return "nearly everything has a value of its own: it names single things, not kinds"
    for looks, reason in (
        (_is_money, "amounts of money written as text"),
        (_is_code, "codes or numbers"),
        (_is_measure, "measures"),
        (_is_technical, "long or technical texts"),
    ):
        alike = [value for value in values if looks(value.strip())]
        if len(alike) > _MOST * len(values):
            example = alike[0] if len(alike[0]) <= _LONGEST else f"{alike[0][:_LONGEST]}…"
            return f"its values are {reason}, such as {example!r}"
    return ""


def rank(spread: Spread, *, is_path: bool) -> Rank:
    """How much a property says of what people want."""
    if is_path:
        return Rank.PATH
    constant = spread.each is not None and spread.each <= _CONSTANT
    return Rank.PERSON if constant else Rank.KIND


def _one_value(values: Sequence[ValueFact], spread: Spread) -> str:
    """A property with the same value for nearly everybody parts nobody."""
    known = {v.value for v in values}
    if spread.kinds != 1 and (len(known) > 1 or values[0].people < _ONE_VALUE * spread.people):
        return ""
    return f"nearly everybody has the same value, {str(values[0].value)[:_LONGEST]!r}"


def _texts(values: Iterable[ValueFact]) -> list[str]:
    return list(dict.fromkeys(_last(v.value) for v in values if isinstance(v.value, str)))


def _last(value: str) -> str:
    return value.rpartition(" > ")[2]


def _says(value: str | bool | None) -> bool:
    """Whether one value can be said: no code among names, and not that nothing is known."""
    if not isinstance(value, str):
        return True
    text = _last(value).strip()
    return text.casefold() not in _NOTHING and not _is_code(text) and not _is_technical(text)


def _is_money(text: str) -> bool:
    return _MONEY.fullmatch(text) is not None


def _is_code(text: str) -> bool:
    """Numbers, dates, digests, and whatever has as many digits as letters; no ranges.

    >>> _is_code("1208"), _is_code("A-77120"), _is_code("35-44"), _is_code("Type B")
    (True, True, False, False)
    """
    if _RANGE.fullmatch(text):
        return False
    if _NUMBER.fullmatch(text) or _CODE.fullmatch(text):
        return True
    digits = sum(c.isdigit() for c in text)
    return digits > 1 and digits >= sum(c.isalpha() for c in text) and not _is_measure(text)


def _is_measure(text: str) -> bool:
    return _MEASURE.fullmatch(text) is not None


def _is_technical(text: str) -> bool:
    """Browsers, addresses with parameters, data structures, whole sentences."""
    return len(text) > _LONGEST or text[:1] in "{[" or "?" in text[:-1] or "://" in text


def _unseen(survey: Survey, seen: Mapping[str, Any]) -> list[Refused]:
    """Text properties none of whose values enough people share."""
    names = [
        n for n, typed in survey.catalog.properties.items() if "text" in typed and n != ITEM_ID
    ]
    names += [ITEM_PREFIX + n for n, typed in survey.catalog.items.items() if "text" in typed]
    why = f"no value of it is shared by {survey.least:,} people"
    return [Refused(name, why) for name in names if name not in seen]


def _spreads(survey: Survey, names: Iterable[str]) -> dict[str, Spread]:
    """How values are spread, of all properties in two passes over the events and one over items."""
    found: dict[str, Spread] = {}
    properties, items = survey.catalog.properties, survey.catalog.items
    events = {n: properties[n]["text"] for n in names if "text" in properties.get(n, {})}
    of_items = {
        n: items[bare]["text"]
        for n in names
        if n.startswith(ITEM_PREFIX)
        and "text" in items.get(bare := n.removeprefix(ITEM_PREFIX), {})
    }
    if events:
        parts = ", ".join(_ROWS.replace("#", str(at)) for at in range(len(events)))
        row = _asked(survey, _OVER_EVENTS.replace("##", parts), events)
        whole = max((int(row[f"people{at}"]) for at in range(len(events))), default=1)
        each = _each(survey, events, max(whole // _SAMPLED, 1))
        for at, name in enumerate(events):
            things, kinds, people = (int(row[f"{k}{at}"]) for k in ("things", "kinds", "people"))
            found[name] = Spread(things, kinds, people, each[name])
    if of_items:
        parts = ", ".join(_ITEMS.replace("#", str(at)) for at in range(len(of_items)))
        row = _asked(survey, _OVER_ITEMS.replace("##", parts), of_items)
        for at, name in enumerate(of_items):
            found[name] = Spread(int(row[f"things{at}"]), int(row[f"kinds{at}"]))
    return found


def _each(survey: Survey, events: Mapping[str, str], part: int) -> dict[str, float | None]:
    """Different values a person has, on average, of people with several events that have any."""
    places = [str(at) for at in range(len(events))]
    inner = ", ".join(_OF_PERSON.replace("#", at) for at in places)
    outer = ", ".join(_AVERAGE.replace("#", at) for at in places)
    text = _OVER_PERSONS.replace("##", outer, 1).replace("##", inner)
    row = _asked(survey, text, events, often=_OFTEN, part=part)
    found = {name: row[f"each{at}"] for at, name in enumerate(events)}
    return {name: None if value is None else float(value) for name, value in found.items()}


def _asked(survey: Survey, text: str, columns: Mapping[str, str], **values: Any) -> dict[str, Any]:
    """The only row of a query, ``$v0`` being the first column."""
    coded = {f"v{at}": column(name) for at, name in enumerate(columns.values())}
    query = sql(text, start=survey.start_us, end=survey.end_us, **coded, **values)
    [row] = survey.engine.run(query).to_pylist()
    return dict(row)


_OVER_EVENTS: Final = "SELECT ## FROM events WHERE $inside"
_OVER_ITEMS: Final = "SELECT ## FROM items WHERE $start < $end"
_OVER_PERSONS: Final = """
    SELECT ## FROM (
      SELECT person, ## FROM events WHERE $inside AND person % $part = 0 GROUP BY person
    ) AS persons
"""
_ROWS: Final = (
    "count($v#) AS things#, approx_count_distinct($v#) AS kinds#,"
    " count(DISTINCT CASE WHEN $v# IS NOT NULL THEN person END) AS people#"
)
_ITEMS: Final = "count($v#) AS things#, count(DISTINCT $v#) AS kinds#"
_OF_PERSON: Final = "count($v#) AS n#, count(DISTINCT $v#) AS kinds#"
_AVERAGE: Final = "avg(CASE WHEN n# >= $often THEN kinds# END) AS each#"
