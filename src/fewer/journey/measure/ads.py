"""Ad reports joined to segments: by a column that says it, or by what people named their ads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from fewer.model.ads import BROAD, USUAL, AdRule

_WIDEST: Final = 20
"""Campaigns without a segment that are listed by name; the rest are counted."""


@dataclass(frozen=True, slots=True)
class AdDay:
    """Facts of one day and ad; money in `currency`.

    `ad_key` tells ads apart where days are too few to. `names` are all names and ids, by level.
    """

    day: date
    segment: str | None
    arm: str | None
    currency: str
    impressions: float
    clicks: float
    spend: float
    conversions: float
    value: float
    platform: str = ""
    ad_key: str = ""
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An ad set (or campaign, or ad) whose rows belong to no segment."""

    platform: str
    name: str
    days: int
    spend: float
    currency: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "platform": self.platform,
            "name": self.name,
            "days": self.days,
            "spend": self.spend,
            "currency": self.currency,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Joined:
    """Report rows with their segments, and those that have none."""

    days: tuple[AdDay, ...]
    unmatched: tuple[Unmatched, ...]
    unnamed_rows: int  # rows that count as the broad audience because nothing says otherwise

    @property
    def words(self) -> str:
        """What a reader must know of it; empty when every row has a segment."""
        if self.unmatched:
            named = ", ".join(repr(u.name) for u in self.unmatched[:3])
            more = f" and {len(self.unmatched) - 3:,} more" if len(self.unmatched) > 3 else ""  # noqa: PLR2004
            spent: dict[str, float] = {}
            for one in self.unmatched:
                spent[one.currency] = spent.get(one.currency, 0.0) + one.spend
            money = " and ".join(f"{v:,.2f} {c or 'without a currency'}" for c, v in spent.items())
            return (
                f"{len(self.unmatched):,} ad sets belong to no segment ({named}{more}; {money}"
                " spent) and are left out. Add rules under ads: names in fewer.yaml."
            )
        if self.unnamed_rows:
            return (
                f"{self.unnamed_rows:,} report rows name no segment and count as the broad"
                " audience. If some are not, add rules under ads: names in fewer.yaml."
            )
        return ""


def join(days: Iterable[AdDay], rules: Sequence[AdRule], segments: AbstractSet[str]) -> Joined:
    """Give every row its segment and variant.

    A row that says its segment keeps it. Otherwise the first rule that fits counts; with rules,
    a row that none of them fits is left out and listed. Without rules, names that are a segment's
    id count, and every other row is the broad audience.

    Args:
        days: As read.
        rules: Of the project, in order.
        segments: Ids that exist, variants and exclusions too.
    """
    kept: list[AdDay] = []
    lost: dict[tuple[str, str, str, str], tuple[set[date], float]] = {}
    cache: dict[tuple[tuple[str, tuple[str, ...]], ...], tuple[str | None, str | None, str]] = {}
    unnamed = 0
    for one in days:
        if one.segment is not None:
            kept.append(one)
            continue
        if one.names not in cache:
            cache[one.names] = _found(dict(one.names), rules, segments)
        segment, arm, why = cache[one.names]
        if why:
            key = (one.platform, _title(one), one.currency, why)
            seen, spend = lost.get(key, (set(), 0.0))
            lost[key] = (seen | {one.day}, spend + one.spend)
            continue
        unnamed += segment is None
        kept.append(replace(one, segment=segment or BROAD, arm=one.arm or arm))
    unmatched = [
        Unmatched(platform, name, len(seen), spend, currency, why)
        for (platform, name, currency, why), (seen, spend) in lost.items()
    ]
    unmatched.sort(key=lambda u: (-u.spend, u.name))
    return Joined(tuple(kept), tuple(unmatched), unnamed)


def _found(
    names: dict[str, tuple[str, ...]], rules: Sequence[AdRule], segments: AbstractSet[str]
) -> tuple[str | None, str | None, str]:
    """Segment, variant and why there is none; no segment and no reason is the broad audience."""
    listed = {level: list(given) for level, given in names.items()}
    wrong = ""
    for rule in rules or USUAL:
        found = rule.read(listed)
        if found is None:
            continue
        if found[0] == BROAD or found[0] in segments:
            return found[0], found[1], ""
        wrong = f"the name says {found[0]!r}, which is no segment here"
    if not rules:
        return None, None, ""
    return None, None, wrong or "no rule fits its names"


def _title(one: AdDay) -> str:
    """The narrowest of ad set and campaign that people have a name for."""
    named = dict(one.names)
    for level in ("ad_set", "campaign", "ad"):
        if named.get(level):
            return named[level][-1]
    return "(no name)"
