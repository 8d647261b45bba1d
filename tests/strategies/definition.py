"""Random conditions and segments, drawn about a scene so that both answers occur."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from fewer.model.condition import Did
from fewer.model.segment import LookbackError, Segment, lookback_targets
from oracle.behaviours import matching
from oracle.clock import length, local
from oracle.conditions import true
from oracle.moment import Moment
from oracle.world import Event, Value
from strategies.dice import Dice, Drawn, Seeded
from strategies.measure import Measures
from strategies.predicate import Predicates, Written
from strategies.scene import LISTS, PURPOSES, TRAITS, Painter, Scene, scenes

UNKNOWN = "no such name"


class Conditions:
    """Draws conditions as written, about one scene; `known` are segments they may refer to."""

    def __init__(self, dice: Dice, scene: Scene) -> None:
        self.dice = dice
        self.scene = scene
        self.world = scene.world
        self.moment = Moment(scene.world, scene.as_of_us, scene.zone, length(scene.session_gap))
        self.predicates = Predicates(dice, scene)
        self.measures = Measures(dice, scene, self.moment, self.where)
        self.past = [e for e in self.world.events if e.ts < scene.as_of_us]
        self.names = sorted({e.event for e in self.world.events}) or ["view"]

    def draw(self, known: Sequence[str] = (), depth: int = 2) -> Written:
        """A condition, with booleans at most `depth` deep."""
        weights = {
            "boolean": 25 if depth else 0,
            "did": 42,
            "did_not": 5,
            "recency": 15,
            "sequence": 14,
            "trait": 10,
            "membership": 5,
            "in_segment": 5 if known else 0,
            "sample": 2,
        }
        drawn: dict[str, Callable[[], Written]] = {
            "boolean": lambda: self._boolean(known, depth - 1),
            "did": self.did,
            "did_not": self._did_not,
            "recency": self._recency,
            "sequence": self._sequence,
            "trait": self._trait,
            "membership": self._membership,
            "in_segment": lambda: {"in_segment": self.dice.pick(known)},
            "sample": self._sample,
        }
        return drawn[self.dice.weighted(**weights)]()

    def part_people(self, where: Written) -> bool:
        """Whether a condition is true for some people and not for others, as far as it is known
        without the members of other segments."""
        asked = Segment.model_validate({"id": "it", "where": where}).where
        found = {
            true(asked, person, self.moment, members=lambda _: frozenset())
            for person in self.moment.universe
        }
        return len(found) == 2

    def _boolean(self, known: Sequence[str], depth: int) -> Written:
        head = self.dice.pick(("all", "any", "none", "not"))
        if head == "not":
            return {"not": self.draw(known, depth)}
        count = self.dice.pick((0, 1, 2, 2, 2, 3))
        return {head: [self.draw(known, depth) for _ in range(count)]}

    # ------------------------------------------------------------------------------- people

    def _trait(self) -> Written:
        name = self.dice.pick((*TRAITS, *TRAITS, UNKNOWN))
        values = [traits.get(name) for traits in self.world.people.values()]
        test = self.predicates.draw(values)
        if isinstance(test, list):
            test = {"in": test}
        return {"trait": name, **(test if isinstance(test, dict) else {"equals": test})}

    def _membership(self) -> Written:
        if self.dice.chance(50):
            return {"consent": self.dice.pick(PURPOSES)}
        return {"in_list": self.dice.pick(LISTS)}

    def _sample(self) -> Written:
        percent = self.dice.pick((50, 25, 75, 0, 100, Decimal("33.333333"), Decimal("0.000001")))
        return {"sample": {"percent": percent, "salt": self.dice.pick(("", "s", "a:b", "é", "'"))}}

    # --------------------------------------------------------------------------- occurrences

    def occurrence(self, head: str = "did", event: Event | None = None) -> Written:
        """Names and `where`; mostly about an event that happened."""
        dice = self.dice
        event = event or (dice.pick(self.past) if self.past and dice.chance(85) else None)
        first = event.event if event else dice.pick((*self.names, UNKNOWN))
        names: Any = dice.pick((first, first, first, "*", [first], self._names(first)))
        found: Written = {head: names}
        if dice.chance(40):
            found["where"] = self.where(event)
        return found

    def _names(self, first: str) -> Any:
        others = [n for n in (*self.names, UNKNOWN) if n not in (first, "*")]
        return first if first == "*" else [first, *self.dice.some(others, 0, 2)]

    def where(self, event: Event | None = None) -> Written:
        """Tests of one or two properties; with an event, mostly such that it passes."""
        properties = sorted({name for e in self.world.events for name in e.properties})
        attributes = sorted({name for item in self.world.items.values() for name in item})
        names = [*properties, *properties, *(f"item.{name}" for name in attributes), UNKNOWN]
        return {
            name: self.predicates.draw(self._values(name, event))
            for name in self.dice.some(names, 1, 2 if self.dice.chance(30) else 1)
        }

    def _values(self, name: str, event: Event | None) -> list[Value | None]:
        """What the world holds under a name; of the one event, if it has it."""
        own = self._value(event, name) if event else None
        return [own] if own is not None else [self._value(e, name) for e in self.world.events]

    def _value(self, event: Event, name: str) -> Value | None:
        if not name.startswith("item."):
            return event.properties.get(name)
        item = self.world.items.get(str(event.properties.get("item_id")), {})
        return item.get(name.removeprefix("item."))

    # ------------------------------------------------------------------------------- windows

    def _window(self) -> Written:
        dice = self.dice
        span = dice.pick(self.scene.spans)
        match dice.weighted(none=25, within=30, calendar=12, between=13, since=8, until=6, both=6):
            case "within":
                return {"within": str(span)}
            case "calendar":
                return {"within": f"{dice.integer(1, 5)}d", "calendar": True}
            case "between":
                shorter = [s for s in self.scene.spans if s.micros < span.micros]
                to = str(dice.pick(shorter)) if shorter else f"{span.micros // 120_000_000}m"
                return {"between": {"from": str(span), "to": to}}
            case "since":
                return {"since": self._moment()}
            case "until":
                return {"until": self._moment()}
            case "both":
                return {"since": self._moment(), "until": self._moment()}
            case _:
                return {}

    def _moment(self) -> str:
        if not self.past or self.dice.chance(20):
            day = local(self.scene.as_of_us, self.scene.zone).date()
            return (day - timedelta(days=self.dice.integer(-1, 4))).isoformat()
        return self.predicates.moment(self.dice.pick(self.past).ts)

    # ------------------------------------------------- behaviours, recency, sequences

    def did(self) -> Written:
        """A behaviour with any measure."""
        found = self.occurrence()
        if self.dice.chance(13):
            return {**found, **self.measures.periods(found)}
        found |= self._window()
        return {**found, **self.measures.draw(found)}

    def _did_not(self) -> Written:
        return {**self.occurrence("did_not"), **self._window()}

    def _recency(self) -> Written:
        """Often with a test that somebody's last or first event passes."""
        head = self.dice.pick(("last", "first"))
        found = {head: self.occurrence(), **self._window()}
        if self.dice.chance(60):
            asked = Did.model_validate(found[head])
            chosen = [
                some[-1 if head == "last" else 0]
                for person in sorted(self.moment.universe)
                if (some := matching(asked, person, self.moment))
            ]
            found["having"] = self.where(self.dice.pick(chosen) if chosen else None)
        return found

    def _sequence(self) -> Written:
        """Often along events that one person really did one after another."""
        dice = self.dice
        chain = self._chain()
        steps: list[Written] = [self._step(chain[0])]
        for before, event in pairwise(chain):
            absent = dice.chance(30)
            step = self._step(event, "did_not" if absent else "did")
            if absent or dice.chance(50):
                step["within_next"] = self._reaching(before, event)
            steps.append(step)
        if dice.chance(20):
            last = self._step(dice.pick(self.past) if self.past else None, "did_not")
            steps.append({**last, "within_next": str(dice.pick(self.scene.spans))})
        found: Written = {"sequence": steps, **self._window()}
        if dice.chance(45):
            found["same"] = self._same(chain)
        return found

    def _chain(self) -> list[Event | None]:
        """One to four events of one person in order, or nothing in particular."""
        dice = self.dice
        size = dice.pick((1, 2, 2, 2, 3, 3, 4))
        if not self.past or dice.chance(15):
            return [None] * size
        history = self.moment.history(dice.pick(self.past).person)
        at = dice.integer(0, len(history) - 1)
        nearby = history[at : at + size + dice.integer(0, 3)]  # often in one session
        chosen = dice.some(dice.pick((history, nearby)), size, size)
        return [*sorted(chosen, key=lambda e: (e.ts, e.event_id))]

    def _step(self, event: Event | None, head: str = "did") -> Written:
        step = self.occurrence(head, event)
        if self.dice.chance(50):
            step.pop("where", None)
        return step

    def _reaching(self, before: Event | None, event: Event | None) -> str:
        """A span that just reaches from one event to the other, or any."""
        spans = sorted((*self.scene.spans, self.scene.session_gap), key=length)
        if before and event and self.dice.chance(60):
            spans = [s for s in spans if length(s) >= event.ts - before.ts][:1] or spans
        return str(self.dice.pick(spans))

    def _same(self, chain: Sequence[Event | None]) -> list[str]:
        """Properties on which the chain agrees, item and session, or any."""
        if self.dice.chance(40):
            return ["session_id"]
        events = [e for e in chain if e]
        agreed = [
            name
            for name, value in (events[0].properties.items() if events else ())
            if all(e.properties.get(name) == value for e in events)
        ]
        names = dict.fromkeys(["item_id", "session_id", "item.brand", UNKNOWN, *agreed, *agreed])
        ordered = sorted(names, key=lambda name: (name == UNKNOWN, name not in agreed))
        return self.dice.some(ordered[:4], 1, 2 if self.dice.chance(30) else 1)


# ------------------------------------------------------------------------------------- segments


@dataclass(frozen=True, slots=True)
class Asked:
    """Segments to ask of a scene, in any order, and the project's own exclusions."""

    segments: tuple[Segment, ...]
    default_exclude: tuple[str, ...] = ()


def segments(dice: Dice, scene: Scene, count: int) -> Asked:
    """Segments that refer to one another without a circle.

    The project's exclusions may refer only to segments that refuse them, so those come first
    (``f..``), then the exclusions themselves (``x..``), then the others (``s..``).
    """
    conditions = Conditions(dice, scene)
    made: list[Segment] = []

    def add(id_: str, known: Sequence[str], **keys: Any) -> None:
        made.append(_segment(conditions, id_, known, keys))

    for n in range(dice.integer(0, 2)):
        add(f"f{n}", _ids(made), exclude_defaults=False)
    free = _ids(made)
    defaults = [f"x{n}" for n in range(dice.pick((0, 0, 1, 2)))]
    for id_ in defaults:
        add(id_, free)
    for n in range(count - len(made)):
        add(f"s{n}", _ids(made)[-40:], exclude_defaults=not dice.chance(30))
    order = dice.some(made, len(made), len(made)) if dice.chance(50) else made
    return Asked(tuple(order), tuple(defaults))


def _ids(made: Sequence[Segment]) -> list[str]:
    return [id_ for segment in made for id_ in (segment.id, *_variants(segment))]


def _variants(segment: Segment) -> list[str]:
    windows = segment.variants.lookback if segment.variants else ()
    return [f"{segment.id}@{window}" for window in windows]


def _segment(conditions: Conditions, id_: str, known: Sequence[str], keys: Written) -> Segment:
    dice = conditions.dice
    where = conditions.draw(known)
    for _ in range(dice.pick((0, 1, 3, 3))):  # conditions that part people are worth more
        if conditions.part_people(where):
            break
        where = conditions.draw(known)
    if known and dice.chance(25):
        keys = {**keys, "exclude": dice.some(known, 1, 2)}
    segment = Segment.model_validate({"id": id_, "where": where, **keys})
    return _with_lookback(dice, conditions.scene, segment) if dice.chance(25) else segment


def _with_lookback(dice: Dice, scene: Scene, segment: Segment) -> Segment:
    """The segment with lookback variants, where it is clear which window they replace."""
    try:
        targets = lookback_targets(segment.where)
    except LookbackError:
        return segment
    if any(target.calendar for target in targets):
        windows = [f"{n}d" for n in dice.some((1, 2, 3, 7), 1, 2)]
    else:
        distinct = {span.micros: str(span) for span in scene.spans}
        windows = dice.some(list(distinct.values()), 1, 2)
    written = segment.model_dump(by_alias=True, exclude_none=True)
    return Segment.model_validate({**written, "variants": {"lookback": windows}})


@st.composite
def asked(draw: Any, count: int = 4) -> tuple[Scene, Asked]:
    """A scene and segments to ask of it, drawn by hypothesis."""
    scene = draw(scenes())
    return scene, segments(Drawn(draw), scene, count)


def seeded(seed: int, count: int) -> tuple[Scene, Asked]:
    """A scene and segments to ask of it, the same for the same seed."""
    dice = Seeded(seed)
    scene = Painter(dice).scene()
    return scene, segments(dice, scene, count)
