"""Random measures, with bounds that lie on what somebody's events really come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from fewer.model.condition import Did
from oracle.behaviours import in_window, matching, numerics, values
from oracle.clock import length, local
from oracle.moment import Moment
from oracle.predicates import matches
from oracle.world import Event, kind
from strategies.dice import Dice
from strategies.predicate import LIMIT, Predicates, Written
from strategies.scene import Scene

COMPARED = ("at_least", "at_most", "more_than", "less_than", "exactly")
WIDE = Context(prec=60, rounding=ROUND_HALF_UP)
STEP = Decimal("0.000001")

Where = Callable[[Event | None], Written]
"""Draws a `where`, about one event if given."""


class Measures:
    """Draws measures for a behaviour as written, about one scene."""

    def __init__(self, dice: Dice, scene: Scene, moment: Moment, where: Where) -> None:
        self.dice = dice
        self.scene = scene
        self.moment = moment
        self.where = where
        self.predicates = Predicates(dice, scene)

    def draw(self, behaviour: Written) -> Written:
        """One measure, or none, to stand beside the behaviour."""
        name = self.dice.weighted(
            none=8,
            count=14,
            days=11,
            distinct=12,
            sum=18,
            mean=18,
            min=18,
            max=18,
            burst=7,
            share=17,
        )
        if name == "none":
            return {}
        found = self._matches(behaviour)
        if name == "burst":
            span = self.dice.pick(self.scene.spans)
            return {name: {"count": self.dice.integer(1, 4), "in": str(span)}}
        if name in ("count", "days"):
            return {name: self.bounds([self._number(name, some) for some in found])}
        if name == "share":
            where = self.where(self.dice.pick(self.dice.pick(found)) if found else None)
            asked = Did.model_validate({"did": "*", "where": where}).where
            shares = [
                decimal(Fraction(sum(matches(asked, e, self.moment) for e in some), len(some)))
                for some in found
            ]
            return {name: {"where": where, **self.bounds(shares)}}
        of = self._property(found, numeric=name != "distinct")
        numbers = [self._number(name, some, of) for some in found]
        return {name: {"of": of, **self.bounds(numbers)}}

    def periods(self, behaviour: Written) -> Written:
        """How many periods held a match."""
        each, last = self.dice.pick(self.scene.spans), self.dice.integer(1, 6)
        found = self._matches(behaviour)
        held = [
            len({(self.moment.as_of - 1 - e.ts) // length(each) for e in some} & set(range(last)))
            for some in found
        ]
        return {
            "periods": {"each": str(each), "last": last, **self.bounds(list(map(Decimal, held)))}
        }

    def _matches(self, behaviour: Written) -> list[list[Event]]:
        """For each person who has any: the matches."""
        asked = Did.model_validate(behaviour)
        everyone = sorted(self.moment.universe)
        of = ([e for e in matching(asked, p, self.moment) if in_window(asked, e, self.moment)]
              for p in everyone)  # fmt: skip
        return [some for some in of if some]

    def _number(self, name: str, some: list[Event], of: str = "") -> Decimal:
        numbers = numerics(of, some, self.moment) or [Fraction(0)]
        typed = {(kind(v), v) for v in values(of, some, self.moment)}
        dates = {local(e.ts, self.moment.zone).date() for e in some}
        made: dict[str, Fraction | int] = {
            "count": len(some),
            "days": len(dates),
            "distinct": len(typed),
            "sum": sum(numbers),
            "mean": sum(numbers, Fraction(0)) / len(numbers),
            "min": min(numbers),
            "max": max(numbers),
        }
        return decimal(Fraction(made[name]))

    def bounds(self, numbers: Sequence[Decimal]) -> Written:
        """One bound, or two, on numbers that somebody has or nearly has."""
        dice = self.dice
        numbers = [*numbers, *numbers, *numbers, Decimal(0), Decimal(1), Decimal(2)]
        a, b = dice.pick(numbers), dice.pick(numbers)
        if dice.chance(15):
            return {"between": sorted((a, b))}
        name = dice.pick(COMPARED)
        if name != "exactly" and dice.chance(60):  # rather a bound that somebody is within
            a = max(a, b) if name in ("at_most", "less_than") else min(a, b)
        other = {dice.pick(COMPARED): b} if dice.chance(10) else {}
        return {**other, name: self.predicates.near(a) if dice.chance(10) else a}

    def _property(self, found: list[list[Event]], *, numeric: bool) -> str:
        world = self.moment.world
        held = [(n, v) for some in found for e in some for n, v in e.properties.items()]
        held += [(f"item.{n}", v) for item in world.items.values() for n, v in item.items()]
        names = sorted({name for name, v in held if not numeric or kind(v) == "number"})
        return self.dice.pick((*names, *names, *names, "no such name"))


def decimal(number: Fraction) -> Decimal:
    """To six places, and within what a definition may say."""
    exact = WIDE.divide(Decimal(number.numerator), Decimal(number.denominator))
    return max(min(exact.quantize(STEP, context=WIDE), LIMIT), -LIMIT).normalize(WIDE)
