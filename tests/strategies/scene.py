"""Random worlds, heavy on traps: ties, edges, odd clocks, odd text, huge numbers, holes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from fewer.model.window import Duration
from oracle.clock import length, local, midnight
from oracle.world import Event, Instant, Value, World
from strategies.dice import Dice, Drawn

CLOCKS = {
    "UTC": ("2026-03-01", "2024-02-29", "1970-01-02"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/Havana": ("2026-03-08", "2026-11-01"),  # jumps at 00:00, falls back to 00:00
    "Asia/Beirut": ("2026-03-29", "2026-10-25"),  # jumps at 00:00, falls back to 23:00
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),  # by half an hour
    "Asia/Kathmandu": ("2026-03-01",),  # 5:45 ahead
    "America/St_Johns": ("2010-11-07", "2010-03-14"),  # falls back at 00:01 into the day before
    "Pacific/Apia": ("2011-12-31",),  # had no 2011-12-30
}
"""Zones, with local dates on which their clocks do something."""

SPANS = ("15m", "30m", "1h", "5h", "24h", "1d", "2d", "3d", "7d", "1w")
LONG = ("3d", "7d", "10d", "2w", "30d")

EVENTS = ("view", "buy", "cart", "View", "o'neil\"; --", "ünïcode ☕", "a%_\\b", "*", "null", " ")

PROPERTIES = (
    "path",
    "value",
    "item_id",
    'it\'s "p"',
    "p_%\\",
    "größe",
    "session_id",
    "a.b",
    "person",
    "Path",
)

ALIKE = (
    ("", "a", "b", "ab", "abc", "a b", "A", "Ab", " ", "x" * 300),
    ("null", "NULL", "None", "", "0", "1", "true", "nan", "missing"),
    ("a > b", "a > bc", "a > b > c", "a", "a >b", "a > ", "b > a", "A > B", "a>b", " > b", "ab"),
    ("İ", "i", "I", "ı", "i\u0307", "ß", "ẞ", "SS", "ss", "\u017f", "\u13a0", "\uab70", "𐐀", "𐐨"),
    ("Σ", "σ", "ς", "ΟΔΟΣ", "οδοσ", "οδος", "é", "É", "e", "ﬁ", "ǅ", "Ω", "K", "k"),
    ("🙂", "🙂🙂", "👩\u200d👧", "שלום", "مرحبا", "日本", "\u202eab", "a🙂b", "🛌"),
    ("%", "_", "a%b", "a_b", "axb", "ab", "\\", "a\\b", "a.b", "a*b", "%%", "a%"),
    (
        "'",
        "''",
        '"',
        "`",
        "a'b",
        "$1",
        "?",
        ":x",
        "--",
        "/*",
        ";",
        "{}",
        "[a]",
        "(a)",
        "^a$",
        "a.c",
    ),
    ("a", "a\n", "\na", "a\nb", "b", "\n", "\t", "\r\n", "\x0b", "\u00a0", "\u2028", "a\tb", "a b"),
    ("5", "٣", "²", "a5", "5\n", "_", "-", "a-b", "é", "\u00a0", "\x85", "x", "\n5"),
    ("/pricing", "/pricing/eu", "/Pricing", "/", "pricing", "/pricing?a=1", "/pricing/"),
)
"""Texts that engines and people take for one another, side by side."""

TEXTS = tuple(dict.fromkeys(text for group in ALIKE for text in group))

NUMBERS = (
    *("0", "1", "-1", "2", "3", "5", "10", "0.5", "-0.5", "0.1", "0.2", "0.3", "33.333333"),
    *("0.000001", "-0.000001", "100.25", "1234567.891234", "9200000000000", "-9200000000000"),
    *("9199999999999.999999", "4611686018427.387904", "9007199254.740993", "-9007199254.740993"),
)

CATEGORIES = ("a", "a > b", "a > bc", "a > b > c", "b", "A > b", "é > ß", "")

KEYS = (
    *("ann", "Ann", "", " ", "o'neil", '"q"', "hh-1", "1", "01", "🙂", "é", "null", "a:b", "%"),
    *("\\", "a\nb", "x" * 200, "0", "-1", "İ", "ß", "person 18", "a,b", "\t"),
)

NUMBERED = (0, 1, 2, 3, 5, 7, 11, 65_535, 65_536, 1_000_000, 2**31 - 1, 2**31, 2**32 - 1)

LISTS = ("vip", "Vip", "it's", "empty", "nobody knows")

PURPOSES = ("ads", "email", "Ads", "it's")

ATTRIBUTES = ("category", "brand", "price", "new", "launch", "it's")

TRAITS = ("plan", "age", "renews", "vip", "Größe", "it's", "n")


@dataclass(frozen=True, slots=True)
class Scene:
    """A world and when to ask about it."""

    world: World
    as_of_us: int
    timezone: str
    session_gap: Duration
    spans: tuple[Duration, ...]  # lengths that events keep exactly from as_of and one another

    @property
    def zone(self) -> ZoneInfo:
        """The project's zone."""
        return ZoneInfo(self.timezone)


def text(plain: str) -> str:
    """As stored: in normal form C."""
    return unicodedata.normalize("NFC", plain)


class Painter:
    """Draws one scene."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    def scene(self) -> Scene:
        """A world of up to a dozen persons, each with up to a dozen events."""
        dice = self.dice
        self.timezone = dice.pick(tuple(CLOCKS))
        self.zone = ZoneInfo(self.timezone)
        self.spans = tuple(map(Duration.parse, [dice.pick(LONG), *dice.some(SPANS, 2, 3)]))
        self.session_gap = Duration.parse(dice.pick(("30m", "30m", "30m", "15m", "1h")))
        self.as_of = self._as_of()
        alike = [one for group in dice.some(ALIKE, 1, 2) for one in group]
        self.texts = tuple(map(text, [*alike, *dice.some(TEXTS, 0, 3)]))
        self.numbers = tuple(map(Decimal, dice.some(NUMBERS, 2, 6)))
        self.names = tuple(dice.some(EVENTS, 2, 3))
        self.properties = tuple(dice.some(PROPERTIES, 2, 5))
        self.item_ids = tuple(dice.some(("a", "b", "1", "it's", "é"), 2, 3))
        numbers = sorted(dice.some(NUMBERED, 4, 12))
        persons = dict(zip(numbers, map(text, dice.some(KEYS, 12, 12)), strict=False))
        return Scene(
            World(
                persons=persons,
                events=self._events(numbers),
                people={p: self._traits() for p in numbers if dice.chance(75)},
                consents=self._consents(numbers),
                items={id_: self._attributes() for id_ in self.item_ids if dice.chance(75)},
                lists=self._lists(numbers),
            ),
            self.as_of,
            self.timezone,
            self.session_gap,
            self.spans,
        )

    def _as_of(self) -> int:
        dice = self.dice
        day = date.fromisoformat(dice.pick(CLOCKS[self.timezone]))
        start = midnight(day + timedelta(days=dice.integer(0, 3)), self.zone)
        away = dice.pick((0, 1, -1, 3_600_000_000, 43_200_000_000, 9_000_000_000))
        return start + away

    # -------------------------------------------------------------------------------- events

    def _events(self, numbers: list[int]) -> tuple[Event, ...]:
        events: list[Event] = []
        ids = self._ids()
        for person in numbers:
            mine: list[Event] = []
            for _ in range(self.dice.pick((0, 1, 2, 4, 6, 8, 10, 12))):
                ts = self._instant([*mine, *events[-1:]])
                mine.append(self._event(ids.pop(), person, ts))
            if mine and self.dice.chance(40):  # a rival for the first or last event
                times = [event.ts for event in mine]
                rival = self.dice.pick((max(times), min(times)))
                mine.append(self._event(ids.pop(), person, rival))
            events += mine
        return tuple(events)

    def _event(self, event_id: str, person: int, ts: int) -> Event:
        return Event(event_id, person, ts, self.dice.pick(self.names), self._properties())

    def _ids(self) -> list[str]:
        """Ids whose order as bytes is neither that of rows nor that of numbers."""
        odd = ["é", "z", "Z", "~", "\ue000", "\U00010000", "🙂", "", "e 1", "a'b", "%", "A"]
        ids = [f"{n}" for n in range(90)] + [f"e{n}" for n in range(90)] + odd
        at = self.dice.integer(0, len(ids) - 1)
        step = self.dice.pick((1, 7, 25, 101, 149, 191))  # none divides the number of ids
        assert len(ids) % step or step == 1
        return [ids[(at + i * step) % len(ids)] for i in range(len(ids))]

    def _instant(self, before: list[Event]) -> int:
        """Near something that matters: as_of, an edge, a local midnight, another event."""
        dice = self.dice
        span = length(dice.pick(self.spans))
        nearby = dice.pick((0, 0, -1, 1))
        match dice.weighted(history=30, edge=25, other=25, tie=18, midnight=15, as_of=5, future=5):
            case "edge":
                return self.as_of - span * dice.pick((1, 1, 2, 3)) + nearby
            case "other" if before:
                gap = dice.pick((span, length(self.session_gap), 60_000_000, 1))
                return dice.pick(before).ts + gap * dice.pick((1, 1, -1)) + nearby
            case "tie" if before:
                times = [event.ts for event in before]
                return dice.pick((max(times), min(times), dice.pick(times)))
            case "midnight":
                day = local(self.as_of, self.zone).date() - timedelta(days=dice.integer(0, 4))
                return midnight(day, self.zone) + nearby
            case "as_of":
                return self.as_of + nearby
            case "future":
                return self.as_of + span + nearby
            case _:
                return self.as_of - dice.integer(1, 12 * 24 * 60) * 60_000_000 + nearby

    def _properties(self) -> dict[str, Value]:
        values: dict[str, Value] = {
            name: self._value(place)
            for place, name in enumerate(self.properties)
            if self.dice.chance(80)
        }
        if "item_id" in values or self.dice.chance(60):
            number: Value = Decimal(1)  # an item id of the wrong type
            values["item_id"] = self.dice.pick((*self.item_ids, *self.item_ids, number))
        return values

    # -------------------------------------------------------------------------------- values

    def _value(self, place: int) -> Value:
        """Mostly of the type that belongs to this place, now and then of another."""
        kinds = ("text", "number", "text", "boolean", "timestamp")
        kind = kinds[place % len(kinds)] if self.dice.chance(85) else self.dice.pick(kinds)
        match kind:
            case "text":
                return self.dice.pick(self.texts)
            case "number":
                return self.dice.pick(self.numbers)
            case "boolean":
                return self.dice.chance(50)
            case _:
                return Instant(self._instant([]))

    def _traits(self) -> dict[str, Value]:
        return {
            name: self._value(place) for place, name in enumerate(TRAITS) if self.dice.chance(65)
        }

    def _attributes(self) -> dict[str, Value]:
        kinds: dict[str, Any] = {
            "category": lambda: text(self.dice.pick(CATEGORIES)),
            "brand": lambda: self._value(0),
            "price": lambda: self._value(1),
            "new": lambda: self._value(3),
            "launch": lambda: self._value(4),
            "it's": lambda: self._value(2),
        }
        return {name: kinds[name]() for name in ATTRIBUTES if self.dice.chance(75)}

    # ------------------------------------------------------------------- consents and lists

    def _consents(self, numbers: list[int]) -> dict[tuple[int, str], str]:
        states = ("granted", "granted", "denied", "unknown")
        return {
            (person, purpose): self.dice.pick(states)
            for person in numbers
            for purpose in PURPOSES[:2]
            if self.dice.chance(60)
        }

    def _lists(self, numbers: list[int]) -> dict[str, frozenset[int]]:
        strangers = [4_000_000_000, 13]
        return {
            name: frozenset(p for p in (*numbers, *strangers) if self.dice.chance(45))
            for name in LISTS[:3]
        } | {"empty": frozenset()}


@st.composite
def scenes(draw: Any) -> Scene:
    """Random worlds, drawn by hypothesis."""
    return Painter(Drawn(draw)).scene()
