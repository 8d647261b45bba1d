"""Random predicates, drawn so that some values of the world pass them and others don't."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fewer.model.predicate import Predicate
from oracle.clock import local
from oracle.world import Instant, Value, kind
from strategies.dice import Dice
from strategies.scene import NUMBERS, TEXTS, Scene, text

LIMIT = Decimal("9.2e12")

PATTERNS = (
    *("^$", "", "$", "^.$", ".", "a.b", "^a$", "^a", "b$", "^a.c$", "x{2,3}", "a|b|", "(a|b)c*"),
    *(r"\d", r"^\d+$", r"\w+", r"^\w$", r"\s", r"\s$", r"\S$", r"^\W", r"^\W$", r"\D{2}", r"^\D$"),
    *(r"[\w%-]$", r"^[\s\d]*$", "[^\n]\n", r"\\", r"['\"]", "[a-c]{1,2}"),
    *("[İß🙂-🛌]", "^[A-Zİ]", "[\u03b1-ω]", "( > )?b", "^(a( > .+)?)$", r"^[^\d\s]+$", r"^\S*$"),
)

Written = dict[str, Any]
"""A part of a definition as written: plain mappings, lists and scalars."""


def iso(us: int, style: str, scene: Scene) -> str:
    """A moment as people write it: a date, a local time, or a time with its offset."""
    there = local(us, scene.zone)
    if there.year < 1 or style == "date":
        return there.date().isoformat()
    if style == "local":
        return there.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    if style == "offset" and there.utcoffset() == _whole_minutes(there):
        return there.isoformat(timespec="microseconds")
    return there.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _whole_minutes(there: datetime) -> Any:
    offset = there.utcoffset()
    return offset if offset is not None and offset.total_seconds() % 60 == 0 else None


class Predicates:
    """Draws predicates about the values that a property has in a scene."""

    def __init__(self, dice: Dice, scene: Scene) -> None:
        self.dice = dice
        self.scene = scene

    def draw(self, values: Sequence[Value | None]) -> Any:
        """A test as written; a bare value or list now and then."""
        dice = self.dice
        present = [v for v in values if v is not None]
        if not present or dice.chance(8):
            return dice.pick(({"exists": True}, {"missing": True}, {"exists": False}))
        target = dice.pick(present)
        if dice.chance(5):  # of a type that the value does not have
            others: list[Value] = [text(dice.pick(TEXTS)), Decimal(dice.pick(NUMBERS)), True]
            target = dice.pick(others)
        alike = [v for v in present if kind(v) == kind(target)] or [target]
        test = self._of(target, alike)
        if dice.chance(6):
            test = {**test, dice.pick(("exists", "missing")): dice.chance(70)}
        if set(test) == {"equals"} and dice.chance(50):
            return test["equals"]
        if set(test) == {"in"} and dice.chance(50):
            return test["in"]
        return test

    def _of(self, target: Value, alike: Sequence[Value]) -> Written:
        match target:
            case Instant():
                return self._timestamp(target)
            case bool():
                return self._any(target, [True, False])
            case Decimal():
                return self._number(target, alike)
            case str():
                return self._text(target, alike)

    def _any(self, target: Any, alike: Sequence[Any]) -> Written:
        name = self.dice.pick(("equals", "equals", "not_equals", "in", "not_in"))
        if name in ("equals", "not_equals"):
            return {name: target}
        return {name: [target, *self.dice.some(list(alike), 0, 3)]}

    # ------------------------------------------------------------------------------- numbers

    def _number(self, target: Decimal, alike: Sequence[Any]) -> Written:
        dice = self.dice
        name = dice.weighted(any=3, at_least=1, at_most=1, more_than=1, less_than=1, between=1)
        if name == "any":
            return self._any(target, alike)
        if name == "between":
            return {name: sorted((target, dice.pick(alike)))}
        test: Written = {name: self.near(target)}
        if dice.chance(20):
            test[dice.pick(("less_than", "at_most"))] = dice.pick(alike)
        return test

    def near(self, number: Decimal) -> Decimal:
        """The number, or a micro-unit beside it."""
        step = Decimal(self.dice.pick((0, 0, 0, 1, -1))) / 1_000_000
        return max(min(number + step, LIMIT), -LIMIT)

    # ------------------------------------------------------------------------------- texts

    def _text(self, target: str, alike: Sequence[Any]) -> Written:
        dice = self.dice
        name = dice.weighted(any=4, contains=1, starts_with=1, ends_with=1, under=2, matches=4)
        part = self._part(target)
        match name:
            case "any":
                test = self._any(target, alike)
            case "matches":
                test = {"matches": self._pattern(target)}
            case "under":
                steps = target.split(" > ")
                test = {"under": " > ".join(steps[: dice.integer(1, len(steps))])}
            case _:
                test = {name: part}
        if dice.chance(15):
            test |= {dice.pick(("contains", "starts_with", "ends_with")): self._part(target)}
        return self._ignoring_case(test) if dice.chance(40) else test

    def _part(self, target: str) -> str:
        start = self.dice.pick((0, 0, 1))
        return text(target[start : start + self.dice.pick((1, 2, 3, 9))])

    def _ignoring_case(self, test: Written) -> Written:
        """With `ignore_case`, and the literals in another case."""
        changes: list[Callable[[str], str]] = [str.swapcase, str.upper, str.lower, str]
        change = self.dice.pick(changes)

        def other(value: Any) -> Any:
            return text(change(value)) if isinstance(value, str) else [other(v) for v in value]

        changed = {k: v if k == "matches" else other(v) for k, v in test.items()}
        return {**changed, "ignore_case": True}

    def _pattern(self, target: str) -> str:
        dice = self.dice
        part = self._part(target)
        exact = "".join(map(self._escaped, part))
        loose = "".join(self._loosened(char) for char in part)
        count, first = dice.integer(0, 3), self._escaped(part[:1] or "q")
        made = dice.pick(
            (
                *(exact, f"^{exact}", f"{exact}$", f"^{loose}$", f"^({exact}|x)+$", f"{loose}?"),
                *(f"^.{{{count},}}$", f"^[^{first}]*$", f"^{loose}", f"{loose}$"),
                *dice.some(PATTERNS, 6, 6),
            )
        )
        return made if portable(made) else ""

    @staticmethod
    def _escaped(char: str) -> str:
        return "\\" + char if re.match(r"[!-/:-@\[-`{-~]", char) else char

    def _loosened(self, char: str) -> str:
        escaped = self._escaped(char)
        return self.dice.pick((escaped, escaped, ".", f"[{escaped}z]", f"{escaped}*"))

    # ---------------------------------------------------------------------------- timestamps

    def _timestamp(self, target: Instant) -> Written:
        dice = self.dice
        match dice.weighted(before=3, after=3, within=2, within_next=2, both=1):
            case "before":
                return {"before": self.moment(target.us)}
            case "after":
                return {"after": self.moment(target.us)}
            case "both":
                return {"after": self.moment(target.us), "within": str(dice.pick(self.scene.spans))}
            case name:
                return {name: str(dice.pick(self.scene.spans))}

    def moment(self, us: int) -> str:
        """A moment at the instant, or beside it, in one of the ways to write it."""
        style = self.dice.pick(("utc", "utc", "date", "local", "offset"))
        return iso(us + self.dice.pick((0, 0, 1, -1)), style, self.scene)


def portable(pattern: str) -> bool:
    """Whether the models take it, as it is and in lower case."""
    try:
        Predicate.model_validate({"matches": pattern, "ignore_case": True})
    except ValueError:
        return False
    return True
