"""Lookback windows side by side, as bands that share nobody.

The 30-day audience holds the 7-day audience, so their rates can't differ much whatever the
added people do. What a longer window *adds* is the band; totals are sums of bands.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.compare import compare, groups
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, sums
from fewer.journey.measure.table import FORMAT_VERSION, WATERMARK, Comparison, Data, Group
from fewer.model.window import Duration
from fewer.stats.multiplicity import holm


@dataclass(frozen=True, slots=True)
class Band:
    """People whom a window adds to the next shorter one, and all of the window together."""

    window: str
    label: str  # "0-7 days", "8-14 days"
    added: Group
    total: Group
    step: Comparison | None  # this band against the one before it


@dataclass(frozen=True, slots=True)
class LookbackChart:
    """Bands of one segment and one goal, the innermost first; none where windows don't nest."""

    segment: str
    title: str
    goal: str
    goal_title: str
    design: Landmark
    bands: tuple[Band, ...]
    data: Data
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, with units and labels on every figure."""
        return {
            "format_version": FORMAT_VERSION,
            "data": self.data,
            "watermark": WATERMARK[self.data],
            "segment": self.segment,
            "title": self.title,
            "goal": self.goal,
            "goal_title": self.goal_title,
            "design": self.design.to_json(),
            "bands": [
                {
                    "window": band.window,
                    "label": band.label,
                    "added": band.added.to_json(),
                    "total": band.total.to_json(),
                    "step": band.step.to_json() if band.step else None,
                }
                for band in self.bands
            ],
            "note": self.note,
        }


def lookback(
    title: str, variants: Sequence[Population], outcomes: Outcomes, *, data: Data
) -> LookbackChart:
    """Bands of the lookback variants of one segment.

    Args:
        title: Of the segment.
        variants: Its variants, with ids such as ``pricing_hot@7d``.
        outcomes: Of one goal, measured from the moment the variants are as at.
        data: Real or simulated.
    """
    order = sorted(variants, key=_window)
    parent = order[0].variant_of or order[0].id
    chart = LookbackChart(
        parent,
        title,
        outcomes.goal.id,
        outcomes.goal.title,
        outcomes.landmark,
        (),
        data,
        outcomes.landmark.note,
    )
    # "Not here for 30 days" is a part of "not here for 7": such windows nest the other way.
    for nesting in (order, order[::-1]):
        people = [one.members & outcomes.at_risk for one in nesting]
        if not any(small - large for small, large in itertools.pairwise(people)):
            return replace(chart, bands=_bands(nesting, people, outcomes))
    # "One visit in 7 days" neither holds "one visit in 14" nor is a part of it.
    notes = ["windows do not hold one another here, so there are no bands", chart.note]
    return replace(chart, note="; ".join(note for note in notes if note))


def _bands(
    order: Sequence[Population], people: list[BitMap], outcomes: Outcomes
) -> tuple[Band, ...]:
    """Bands of groups of people of which each holds the one before."""
    label = EvidenceLabel.RAW_ASSOCIATION
    added = [people[0], *(wide - short for short, wide in itertools.pairwise(people))]
    parts, wholes = sums(added, outcomes), sums(people, outcomes)
    names = band_labels([_window(one) for one in order])
    bands = groups(names, parts, outcomes, label)
    totals = groups([one.id for one in order], wholes, outcomes, label)
    first, before = sums(added[1:], outcomes), sums(added[:-1], outcomes)
    steps = compare(first, before, bands[:-1], outcomes, label)
    adjusted = holm([np.nan if step.p is None else step.p for step in steps])
    checked = [
        replace(step, p_adjusted=None if np.isnan(p) else float(p))
        for step, p in zip(steps, adjusted, strict=True)
    ]
    return tuple(
        Band(str(_duration(one)), name, band, total, step)
        for one, name, band, total, step in zip(
            order, names, bands, totals, [None, *checked], strict=True
        )
    )


def _duration(one: Population) -> Duration:
    return Duration.parse(one.id.partition("@")[2])


def _window(one: Population) -> int:
    return _duration(one).micros


def band_labels(windows: list[int]) -> list[str]:
    """Names of the bands.

    Of 7 and 14 days ``0-7 days``, ``8-14 days``; of 14 and 7 days (something did not happen for
    so long) ``more than 14 days``, ``8-14 days``.
    """
    if windows != sorted(windows):
        longest = band_labels([windows[0]])[0].partition("-")[2]
        return [f"more than {longest}", *band_labels(windows[::-1])[:0:-1]]
    day = 86_400_000_000
    if any(window % day for window in windows):
        hours = [window / 3_600_000_000 for window in windows]
        return [f"{a:g}-{b:g} hours" for a, b in zip([0.0, *hours], hours, strict=False)]
    days = [window // day for window in windows]
    starts = [0, *(before + 1 for before in days[:-1])]
    return [f"{a}-{b} days" if a < b else f"{b} days" for a, b in zip(starts, days, strict=True)]
