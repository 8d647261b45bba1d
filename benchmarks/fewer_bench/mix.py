"""Segments as people write them, drawn from a seed in stated shares.

A mix says how much of each kind, and over which events and windows. The generator is all there
is to know about a segment: its kind, and the condition as it would be written in YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from fewer.model.segment import Segment
from fewer_bench.events import CATEGORIES, DEVICES, NAMES

Written = dict[str, Any]
"""A condition as written."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of kinds (they sum to 100), and what the segments ask about."""

    shares: Mapping[str, int]
    events: tuple[str, ...] = tuple(name for name, _ in NAMES)
    days: tuple[int, ...] = (7, 14, 30)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A segment of a mix."""

    id: str
    kind: str
    where: Written
    segment: Segment = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Dice:
    """Chance, and the events and windows of a mix."""

    random: Random
    mix: Mix

    def event(self) -> str:
        """A name."""
        return self.random.choice(self.mix.events)

    def window(self) -> Written:
        """One of the mix's windows, up to now."""
        return {"within": f"{self.random.choice(self.mix.days)}d"}

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends in."""
        return self.random.randint(low, high)

    def where(self) -> Written:
        """One test of a property, now and then two."""
        draw = self.random.choice
        tests: list[Written] = [
            {"category": f"cat_{self.number(0, CATEGORIES - 1)}"},
            {"category": [f"cat_{n}" for n in sorted(self.random.sample(range(CATEGORIES), 3))]},
            {"page": {"starts_with": f"/p/{self.number(1, 99)}"}},
            {"value": {"more_than": self.number(10, 150)}},
            {"category": f"cat_{self.number(0, 20)}", "device": draw(DEVICES)},
        ]
        return {"where": draw(tests)}


def _counts(dice: Dice) -> Written:
    return {"did": dice.event(), **dice.window(), "count": {"at_least": dice.number(1, 8)}}


def _filtered(dice: Dice) -> Written:
    least = {"count": {"at_least": dice.number(1, 3)}}
    return {"did": dice.event(), **dice.where(), **dice.window(), **least}


def _ranges(dice: Dice) -> Written:
    return {"did": dice.event(), **dice.window(), "count": {"between": [1, dice.number(2, 6)]}}


def _at_most(dice: Dice) -> Written:
    return {"did": dice.event(), **dice.window(), "count": {"at_most": dice.number(1, 4)}}


def _never(dice: Dice) -> Written:
    return {"did_not": dice.event(), **dice.window()}


def _avoided(dice: Dice) -> Written:
    return {"all": [_counts(dice), _never(dice)]}


def _days(dice: Dice) -> Written:
    return {"did": dice.event(), **dice.window(), "days": {"at_least": dice.number(2, 5)}}


def _distinct(dice: Dice) -> Written:
    of = dice.random.choice(("category", "page"))
    measure = {"distinct": {"of": of, "at_least": dice.number(2, 6)}}
    return {"did": dice.event(), **dice.window(), **measure}


def _sums(dice: Dice) -> Written:
    measure = {"sum": {"of": "value", "more_than": dice.number(20, 600)}}
    return {"did": dice.event(), **dice.window(), **measure}


def _means(dice: Dice) -> Written:
    name = dice.random.choice(("mean", "min", "max"))
    measure = {name: {"of": "value", "at_least": dice.number(20, 120)}}
    return {"did": dice.event(), **dice.window(), **measure}


def _shares(dice: Dice) -> Written:
    return {"did": dice.event(), **dice.window(), "share": {**dice.where(), "at_least": 0.5}}


def _bursts(dice: Dice) -> Written:
    measure = {"burst": {"count": dice.number(2, 4), "in": f"{dice.number(1, 12)}h"}}
    return {"did": dice.event(), **dice.window(), **measure}


def _recency(dice: Dice) -> Written:
    to, far = dice.number(1, 10), dice.number(11, 45)
    return {"last": {"did": dice.event()}, "between": {"from": f"{far}d", "to": f"{to}d"}}


def _first(dice: Dice) -> Written:
    return {"first": {"did": dice.event()}, **dice.window()}


def _periods(dice: Dice) -> Written:
    of = dice.number(3, 6)
    measure = {"periods": {"each": "7d", "last": of, "at_least": dice.number(2, of)}}
    return {"did": dice.event(), **measure}


def _sequences(dice: Dice) -> Written:
    first, then = dice.random.sample(dice.mix.events, 2)
    step = {"did": then, "within_next": f"{dice.number(1, 8)}d"}
    return {"sequence": [{"did": first}, step], **dice.window()}


def _abandoned(dice: Dice) -> Written:
    first, then = dice.random.sample(dice.mix.events, 2)
    absent = {"did_not": then, "within_next": f"{dice.number(1, 3)}d"}
    return {"sequence": [{"did": first}, absent], **dice.window()}


def _micro(dice: Dice) -> Written:
    return {"all": [_counts(dice), _filtered(dice), _filtered(dice), {"not": _counts(dice)}]}


def _nested(dice: Dice) -> Written:
    left = {"all": [_filtered(dice), {"any": [_counts(dice), _ranges(dice)]}]}
    right = {"all": [_sequences(dice), {"not": _filtered(dice)}]}
    return {"any": [left, right]}


KINDS: Final[dict[str, Callable[[Dice], Written]]] = {
    "counts": _counts,
    "filtered": _filtered,
    "ranges": _ranges,
    "at_most": _at_most,
    "never": _never,
    "avoided": _avoided,
    "days": _days,
    "distinct": _distinct,
    "sums": _sums,
    "means": _means,
    "shares": _shares,
    "bursts": _bursts,
    "recency": _recency,
    "first": _first,
    "periods": _periods,
    "sequences": _sequences,
    "abandoned": _abandoned,
    "micro": _micro,
    "nested": _nested,
}
"""Kind -> how one is drawn."""

_STANDARD: Final = {
    "counts": 20,
    "filtered": 18,
    "ranges": 4,
    "at_most": 2,
    "never": 2,
    "avoided": 4,
    "days": 4,
    "distinct": 4,
    "sums": 5,
    "means": 2,
    "shares": 2,
    "bursts": 2,
    "recency": 6,
    "first": 3,
    "periods": 2,
    "sequences": 4,
    "abandoned": 2,
    "micro": 8,
    "nested": 6,
}

MIXES: Final[dict[str, Mix]] = {
    "standard": Mix(_STANDARD),
    "plain": Mix({"counts": 45, "filtered": 45, "ranges": 10}),
    "heavy": Mix(_STANDARD, events=("page_view", "product_view"), days=(30, 60, 90)),
    "sequences": Mix(
        {"sequences": 40, "abandoned": 25, "bursts": 15, "recency": 10, "days": 5, "distinct": 5}
    ),
    "micro": Mix({"micro": 75, "nested": 25}),
}
"""Name -> mix."""


def drawn(mix: str, count: int, seed: int) -> list[Drawn]:
    """So many segments of a mix, in an order that mixes the kinds."""
    chosen = MIXES[mix]
    dice = Dice(Random(f"{mix}/{seed}"), chosen)  # noqa: S311  repeatable, not secret
    kinds = _allotted(chosen.shares, count)
    dice.random.shuffle(kinds)
    found = []
    for n, kind in enumerate(kinds):
        where = KINDS[kind](dice)
        segment = Segment.model_validate({"id": f"s{n}_{kind}", "where": where})
        found.append(Drawn(segment.id, kind, where, segment))
    return found


def edits(count: int, seed: int) -> list[Drawn]:
    """Micro-segments of which one condition changes each time, and single conditions between."""
    dice = Dice(Random(f"edits/{seed}"), MIXES["standard"])  # noqa: S311
    single = [_counts, _filtered, _sums, _days, _distinct, _recency, _sequences]
    micro = _micro(dice)
    found = []
    for n in range(count):
        if n % 2:
            where, kind = dice.random.choice(single)(dice), "single"
        else:
            micro, kind = _edited(micro, dice), "micro"
            where = micro
        segment = Segment.model_validate({"id": f"e{n}_{kind}", "where": where})
        found.append(Drawn(segment.id, kind, where, segment))
    return found


def _edited(micro: Written, dice: Dice) -> Written:
    parts = list(micro["all"])
    at = dice.number(0, len(parts) - 1)
    fresh = _filtered(dice) if dice.number(0, 1) else _counts(dice)
    parts[at] = {"not": fresh} if "not" in parts[at] else fresh
    return {"all": parts}


def every(drawn_: Sequence[Drawn], k: int) -> list[Drawn]:
    """Every k-th when ordered by kind, so that a sample has the shares of the whole."""
    return sorted(drawn_, key=lambda d: d.kind)[k // 2 :: k] or list(drawn_[:1])


def _allotted(shares: Mapping[str, int], count: int) -> list[str]:
    """Kinds in their shares; what rounding leaves goes to the largest remainders."""
    exact = {kind: share * count / sum(shares.values()) for kind, share in shares.items()}
    whole = {kind: int(number) for kind, number in exact.items()}
    left = sorted(exact, key=lambda kind: whole[kind] - exact[kind])
    for kind in left[: count - sum(whole.values())]:
        whole[kind] += 1
    return [kind for kind, number in whole.items() for _ in range(number)]
