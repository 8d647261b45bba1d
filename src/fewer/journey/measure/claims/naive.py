"""The figure that is quoted most, beside the right one: actions and outcomes of the same days.

Who converts acts in the session of it, so a count over the same days puts people into the group
*because* they converted. Shown with its reasons, so that whoever knows it sees why it is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from fewer.journey.measure.claims.leak import Closeness
from fewer.journey.measure.figure import Figure
from fewer.model.window import DAY, HOUR

MANY: Final = 0.3
"""Share of those who convert from which an action in the hour before is worth telling."""

ALIKE: Final = 1.25
"""Two ratios that differ by no more than so many times are told as about the same."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """What a claim's groups have to do with converting itself."""

    own: tuple[str, ...] = ()  # the goal's own events among those that groups count
    close: tuple[Closeness, ...] = ()  # the others

    @property
    def closest(self) -> Closeness | None:
        """The action that most of those who convert have in the hour before."""
        found = max(self.close, key=lambda one: one.have, default=None)
        return found if found is not None and found.have >= MANY else None


def mixed(used: Collection[str], own: Collection[str], close: Collection[Closeness]) -> Mixed:
    """Of the events that groups count: the goal's own, and how close the others are."""
    return Mixed(
        tuple(sorted(set(used) & set(own))), tuple(c for c in close if c.event in set(used))
    )


def naive_words(naive: Figure, ratio: Figure, lookback_us: int, seen: Mixed) -> str:
    """The naive ratio, and in words why it is another one."""
    days = span(lookback_us)
    told = f"Naive, with outcomes of the same {days} in which the groups acted"
    e, right = naive.estimate, ratio.estimate
    if e.value is None:
        return f"{told}: no ratio at all ({e.why}). {_because(seen, days)}"
    if right.value is None:
        return f"{told}: {naive.number}. {_because(seen, days)}"
    if right.value and 1 / ALIKE <= e.value / right.value <= ALIKE:
        return f"{told}: {naive.number}, which is about the same here."
    return f"{told}: {naive.number} instead of {ratio.number}. {_because(seen, days)}"


def _because(seen: Mixed, days: str) -> str:
    reasons: list[str] = []
    if seen.own:
        reasons.append(f"converting itself counts as an action ({_named(seen.own)})")
    closest = seen.closest
    if closest is not None:
        reasons.append(
            f"{closest.have:.0%} of those who convert have {closest.event} in the hour before, so"
            " they are in the group because they converted"
        )
    if not reasons:
        return (
            f"That compares what people did before, with and after converting: within {days} it"
            " can't be told which came first."
        )
    return f"There {', and '.join(reasons)}. Here outcomes begin after everything the groups did."


def _named(events: Sequence[str]) -> str:
    shown = 4
    rest = f" and {len(events) - shown} more" if len(events) > shown else ""
    return ", ".join(events[:shown]) + rest


def span(micros: int) -> str:
    """A duration in days or hours, in words.

    >>> span(7 * DAY), span(DAY), span(36 * HOUR)
    ('7 days', '1 day', '36 hours')
    """
    if micros % DAY == 0:
        return f"{micros // DAY} day{'' if micros == DAY else 's'}"
    return f"{micros / HOUR:g} hour{'' if micros == HOUR else 's'}"
