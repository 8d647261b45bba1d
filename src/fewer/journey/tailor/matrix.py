"""Who gets which message: every member of a segment, checked, grouped by what is said to them.

A person gets, in each format, the first creative whose tests their last action passes. When it
shows a value that the person lacks, or becomes too long, the creative's fallback is said
instead; without a fallback the person gets nothing there and is counted under the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyroaring import BitMap

from fewer.evaluate.engines.base import Engine
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.journey.tailor.check import Compiled
from fewer.journey.tailor.context import ANYTHING, Known, Values, read
from fewer.journey.tailor.formats import FORMATS, Format
from fewer.journey.tailor.landing import utm_value, with_utm
from fewer.journey.tailor.library import Library
from fewer.journey.tailor.template import MissingValueError, Template
from fewer.model.catalog import Catalog
from fewer.model.condition import Occurrence
from fewer.model.segment import Segment

NO_CREATIVE: Final = "no creative's tests are passed"


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, word for word, and to whom."""

    creative: str
    texts: Mapping[str, tuple[str, ...]]  # field -> words, the address with its parameters
    is_fallback: bool
    cut: tuple[str, ...]  # fields that screens will cut short
    example: Mapping[str, Any]  # values of one person it was made from; no identifier
    persons: BitMap = field(repr=False)

    @property
    def people(self) -> int:
        """How many people get it."""
        return len(self.persons)


@dataclass(frozen=True, slots=True)
class Trouble:
    """People whom a creative does not fit, by reason, with the values of one of them."""

    creative: str
    place: str  # of the creative: file:line:column
    reason: str
    people: int
    has_fallback: bool
    example: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The messages of one segment in one format, most people first."""

    segment: str
    format: str
    members: int
    messages: tuple[Message, ...]
    troubles: tuple[Trouble, ...]
    without: Mapping[str, int]  # reason -> people who get no message

    @property
    def told(self) -> int:
        """People who get a message."""
        return sum(message.people for message in self.messages)

    @property
    def fallbacks(self) -> int:
        """People who get plain words because the ones meant for them did not fit."""
        return sum(message.people for message in self.messages if message.is_fallback)

    def preview(self, n: int = 5) -> tuple[Message, ...]:
        """Up to `n` messages: of each creative its most common one first, fallbacks among them."""
        first: dict[tuple[str, bool], Message] = {}
        for message in self.messages:
            first.setdefault((message.creative, message.is_fallback), message)
        chosen = list(first.values())
        rest = [message for message in self.messages if all(message is not m for m in chosen)]
        return tuple(sorted([*chosen, *rest][:n], key=lambda m: -m.people))

    def summary(self) -> dict[str, Any]:
        """Counts and words for JSON: no person in it."""
        return {
            "segment": self.segment,
            "format": self.format,
            "members": self.members,
            "told": self.told,
            "fallbacks": self.fallbacks,
            "without": dict(self.without),
            "messages": [
                {
                    "creative": message.creative,
                    "people": message.people,
                    "is_fallback": message.is_fallback,
                    "texts": {name: list(lines) for name, lines in message.texts.items()},
                    "cut": list(message.cut),
                }
                for message in self.messages
            ],
            "troubles": [
                {
                    "creative": trouble.creative,
                    "place": trouble.place,
                    "reason": trouble.reason,
                    "people": trouble.people,
                    "has_fallback": trouble.has_fallback,
                    "example": {name: str(value) for name, value in trouble.example.items()},
                }
                for trouble in self.troubles
            ],
        }


def tailor(
    engine: Engine,
    library: Library,
    segment: Segment,
    members: BitMap,
    *,
    catalog: Catalog,
    clock: Clock,
    formats: Iterable[str] = (),
    functions: Functions = DUCKDB,
) -> tuple[Sheet, ...]:
    """Messages for every member of a segment, one sheet for each format that has creatives.

    Args:
        engine: Over the data as it was at the clock's moment.
        library: Creatives of the project.
        segment: Whom it is about; of a lookback variant, the variant.
        members: Person numbers, after exclusions.
        catalog: Names and columns of the same data.
        clock: The moment of the build, and the project's time zone.
        formats: Only these; default: all.
        functions: How the engine speaks.
    """
    return tailor_all(
        engine,
        library,
        [(segment, members)],
        catalog=catalog,
        clock=clock,
        formats=formats,
        functions=functions,
    )


def tailor_all(
    engine: Engine,
    library: Library,
    audiences: Sequence[tuple[Segment, BitMap]],
    *,
    catalog: Catalog,
    clock: Clock,
    formats: Iterable[str] = (),
    functions: Functions = DUCKDB,
) -> tuple[Sheet, ...]:
    """`tailor` for several segments: creatives with the same `last` share one query."""
    wanted = set(formats)
    matrix = [
        (segment, members, name, group)
        for segment, members in audiences
        for name, group in library.of(segment).items()
        if not wanted or name in wanted
    ]
    shared: dict[Occurrence, tuple[dict[str, Compiled], BitMap]] = {}
    for _, members, _, group in matrix:
        for compiled in group:
            last = compiled.creative.last or ANYTHING
            creatives, people = shared.setdefault(last, ({}, BitMap()))
            creatives[compiled.creative.id] = compiled
            people |= members  # in place: the set of `shared` itself
    known: dict[str, dict[int, Known]] = {}
    for creatives, people in shared.values():
        asked = [compiled.creative for compiled in creatives.values()]
        rows = read(engine, functions, asked, people, catalog=catalog, clock=clock)
        by_person = {row.person: row for row in rows}
        known.update((creative, by_person) for creative in creatives)
    return tuple(
        _sheet(segment, name, group, members, known) for segment, members, name, group in matrix
    )


@dataclass(slots=True)
class _Collected:
    """Messages and troubles of one format, merged as they come."""

    messages: dict[Any, Message] = field(default_factory=dict)
    troubles: dict[Any, Trouble] = field(default_factory=dict)
    without: dict[str, int] = field(default_factory=dict)

    def say(
        self,
        compiled: Compiled,
        texts: dict[str, tuple[str, ...]],
        persons: BitMap,
        example: dict[str, Any],
        *,
        is_fallback: bool,
    ) -> None:
        """Add a message; the same words of the same creative are one."""
        key = (compiled.creative.id, is_fallback, tuple(texts.items()))
        if key in self.messages:
            persons = self.messages[key].persons | persons
            example = dict(self.messages[key].example)
        cut = _cut(texts, compiled.format)
        self.messages[key] = Message(
            compiled.creative.id, texts, is_fallback, cut, example, persons
        )

    def trouble(
        self, compiled: Compiled, reason: str, persons: BitMap, example: dict[str, Any]
    ) -> None:
        """Count people whom the creative does not fit."""
        key = (compiled.creative.id, reason)
        before = self.troubles.get(key)
        self.troubles[key] = Trouble(
            creative=compiled.creative.id,
            place=str(compiled.place),
            reason=reason,
            people=len(persons) + (before.people if before else 0),
            has_fallback=compiled.fallback is not None,
            example=before.example if before else example,
        )
        if compiled.fallback is None:
            self.lose(reason, len(persons))

    def lose(self, reason: str, people: int) -> None:
        """Count people who get nothing."""
        if people:
            self.without[reason] = self.without.get(reason, 0) + people


def _sheet(
    segment: Segment,
    name: str,
    creatives: Sequence[Compiled],
    members: BitMap,
    known: Mapping[str, Mapping[int, Known]],
) -> Sheet:
    about = {"id": segment.id, "name": segment.title}
    collected = _Collected()
    left = members.copy()
    for compiled in creatives:
        people = known[compiled.creative.id]
        mine = BitMap(p for p in left if compiled.creative.id in people[p].passes)
        left -= mine
        _tell(compiled, mine, people, about, collected)
    collected.lose(NO_CREATIVE, len(left))
    return Sheet(
        segment=segment.id,
        format=name,
        members=len(members),
        messages=tuple(sorted(collected.messages.values(), key=_most_people)),
        troubles=tuple(sorted(collected.troubles.values(), key=lambda t: -t.people)),
        without=collected.without,
    )


def _most_people(message: Message) -> tuple[Any, ...]:
    return (-message.people, message.creative, tuple(message.texts.items()))


def _tell(
    compiled: Compiled,
    persons: BitMap,
    known: Mapping[int, Known],
    about: Mapping[str, str],
    collected: _Collected,
) -> None:
    """Render once for each distinct set of values that the creative shows."""
    groups: dict[tuple[Any, ...], BitMap] = {}
    for person in persons:
        key = tuple(_at(known[person].values, name) for name in compiled.variables)
        groups.setdefault(key, BitMap()).add(person)
    for key, group in groups.items():
        # Without empty ones, a trait that is missing would be told as "'traits' is missing".
        values = {"traits": {}, "item": {}, **known[group.min()].values, "segment": about}
        shown = {
            name: value
            for name, value in zip(compiled.variables, key, strict=True)
            if value is not None and not name.startswith("segment.")
        }
        try:
            texts = _words(compiled, compiled.texts, values)
            _check_lengths(texts, compiled.format)
        except (MissingValueError, _TooLongError) as error:
            collected.trouble(compiled, str(error), group, shown)
            if compiled.fallback is not None:
                texts = _words(compiled, compiled.fallback, {"segment": about}, personal=False)
                collected.say(compiled, texts, group, {}, is_fallback=True)
        else:
            collected.say(compiled, texts, group, shown, is_fallback=False)


class _TooLongError(Exception):
    """A rendered text is longer than its format takes."""


def _check_lengths(texts: Mapping[str, tuple[str, ...]], shown: Format) -> None:
    for name, lines in texts.items():
        limit = shown.limits[name]
        if limit.at_least and not all(lines):
            raise MissingValueError(f"every word of {name}")
        if any(shown.length(line) > limit.most for line in lines):
            message = f"{name} is longer than {limit.most:,}"
            raise _TooLongError(message)


def _cut(texts: Mapping[str, tuple[str, ...]], shown: Format) -> tuple[str, ...]:
    return tuple(
        name
        for name, lines in texts.items()
        if (most := shown.limits[name].shown) and any(shown.length(line) > most for line in lines)
    )


def _words(
    compiled: Compiled,
    templates: Mapping[str, tuple[Template, ...]],
    values: Values,
    *,
    personal: bool = True,
) -> dict[str, tuple[str, ...]]:
    texts: dict[str, tuple[str, ...]] = {}
    for name, lines in templates.items():
        in_url = name == "landing_url"
        rendered = tuple(line.render(values, in_url=in_url) for line in lines)
        if in_url:
            utm = _utm(compiled, values, personal=personal)
            rendered = tuple(with_utm(url, utm) for url in rendered)
        texts[name] = rendered
    return texts


def _utm(compiled: Compiled, values: Values, *, personal: bool) -> dict[str, str]:
    """Parameters of the address. Segment and creative are always told, so that reports join."""
    about = values["segment"]
    shown = FORMATS[compiled.creative.format]
    utm = {
        "source": shown.platform,
        "medium": shown.medium,
        "campaign": about["id"],
        "term": about["id"],
        "content": compiled.creative.id,
    }
    for key, template in compiled.utm.items():
        if personal or all(name.startswith("segment.") for name in template.variables):
            utm[key] = template.render(values)
    return {key: utm_value(value) for key, value in utm.items()}


def _at(values: Values, name: str) -> Any:
    here: Any = values
    for part in name.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return None
        here = here[part]
    return here
