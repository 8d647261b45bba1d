"""Before anything is sent: will a platform be able to serve ads to this audience, and if not, what?

Segments of some hundred people often fall below the platforms' minimums, which count people they
matched, not people sent. So this is said first, with its uncertainty, and with a choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fewer.journey.activate.matching import Share
from fewer.journey.activate.sensitive import Finding, sources

LIKELY: Final = 0.8
"""From this chance on an audience is worth sending."""
HOPELESS: Final = 0.05
_INSIDE: Final = 0.9
"""Share of a segment's people that one to roll it up into must hold."""
_MOST_WEEKS: Final = 12


class Choice(StrEnum):
    """What to do with an audience at a platform."""

    SEND = "send"
    ROLL_UP = "roll up"
    EXCLUDE_ONLY = "use as exclusion only"
    WAIT = "wait"
    SEED = "use as look-alike seed"


@dataclass(frozen=True, slots=True)
class Parent:
    """A larger segment that may be sent in its place."""

    segment: str
    sendable: int
    holds: float  # share of the segment's people in it


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of an audience and a platform."""

    segment: str
    destination: str
    type: str
    members: int
    sendable: int
    coverage: Mapping[str, int]
    minimum: int
    share: Share
    weekly: float | None = None  # people who come new a week
    membership_days: int | None = None  # after which the platform drops people
    parents: Sequence[Parent] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect, and the choice that follows."""

    asked: Asked
    matched: tuple[int, int]  # 90 % limits
    chance: float  # that the minimum is reached
    choice: Choice
    why: str
    instead: str = ""  # the segment to roll up into
    weeks: int | None = None  # to wait

    @property
    def words(self) -> str:
        """One sentence."""
        one = self.asked
        return (
            f"{one.segment} -> {one.destination}: {self.choice.value}. {self.why}"
            f" ({self.matched[0]:,} to {self.matched[1]:,} of {one.sendable:,} matched expected,"
            f" {one.minimum:,} needed)"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        one = self.asked
        return {
            "segment": one.segment,
            "destination": one.destination,
            "type": one.type,
            "members": one.members,
            "sendable": one.sendable,
            "coverage": dict(one.coverage),
            "minimum": one.minimum,
            "match_share": one.share.mean,
            "match_source": one.share.source,
            "receipts": one.share.learned,
            "matched": list(self.matched),
            "chance": self.chance,
            "choice": self.choice.value,
            "why": self.why,
            "instead": self.instead,
            "weeks": self.weeks,
            "membership_days": one.membership_days,
            "sensitive": [
                {"subject": f.subject, "where": f.where, "text": f.text,
                 "sources": list(sources(f.subject))}
                for f in one.findings
            ],
            "words": self.words,
        }  # fmt: skip


def forecast(asked: Asked) -> Forecast:
    """Say what to do.

    >>> from fewer.journey.activate.matching import guess
    >>> share = guess("tiktok", ("email",))
    >>> forecast(Asked("hot", "tt", "tiktok", 600, 500, {}, 1000, share)).choice.value
    'use as exclusion only'
    """
    chance = asked.share.reaches(asked.sendable, asked.minimum)
    matched = asked.share.matched(asked.sendable)

    def says(choice: Choice, why: str, **more: Any) -> Forecast:
        return Forecast(asked, matched, chance, choice, why, **more)

    if chance >= LIKELY:
        return says(Choice.SEND, f"It will likely be served: chance {chance:.0%}.")
    short = f"Too few are likely matched: chance {chance:.0%} to reach {asked.minimum:,}."
    parent = _parent(asked)
    if parent is not None:
        return says(
            Choice.ROLL_UP,
            f"{short} {parent.segment} holds {parent.holds:.0%} of them and"
            f" {parent.sendable:,} people can be sent.",
            instead=parent.segment,
        )
    weeks = _weeks(asked)
    if weeks is not None:
        return says(
            Choice.WAIT,
            f"{short} {asked.weekly:,.0f} people come a week: likely in {weeks} weeks, where they"
            " stay.",
            weeks=weeks,
        )
    if chance >= HOPELESS:
        return says(
            Choice.SEED,
            f"{short} As seed of a look-alike it needs fewer, and it can be sent to see.",
        )
    return says(
        Choice.EXCLUDE_ONLY,
        f"{short} As exclusion of another ad set it works at any size.",
    )


def _parent(asked: Asked) -> Parent | None:
    """The smallest larger one that holds nearly all and will likely be served."""
    fit = [
        one
        for one in asked.parents
        if one.holds >= _INSIDE and asked.share.reaches(one.sendable, asked.minimum) >= LIKELY
    ]
    return min(fit, key=lambda one: one.sendable, default=None)


def _weeks(asked: Asked) -> int | None:
    if not asked.weekly or not asked.members:
        return None
    per_week = asked.weekly * asked.sendable / asked.members
    for week in range(1, _MOST_WEEKS + 1):
        people = asked.sendable + int(per_week * week)
        if asked.share.reaches(people, asked.minimum) >= LIKELY:
            return week
    return None
