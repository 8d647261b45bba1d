"""Windows given to people at random: what a message to each band changed.

Everyone who acted within the longest window was given one of the windows by chance. Whoever acted
longer ago than their own was held out, so each band after the first is a randomised comparison of
its own, and the money it brings needs no assumption.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.lookback import band_labels
from fewer.journey.measure.table import Row
from fewer.model.window import Duration


@dataclass(frozen=True, slots=True)
class BandTrial:
    """One band of a window test: people sent something against people held out."""

    experiment: str
    shorter: Duration
    window: Duration
    row: Row
    over: bool = True  # its planned end has come, so its figures may decide

    @property
    def label(self) -> str:
        """``8-14 days``."""
        return band_labels([self.shorter.micros, self.window.micros])[1]

    @property
    def change(self) -> Figure | None:
        """More conversions a person for being sent something; None where the split is broken."""
        return self.row.comparisons[0].difference

    @property
    def ratio(self) -> Figure | None:
        """Rate of those who were sent something over that of those held out."""
        return self.row.comparisons[0].ratio

    def to_json(self) -> dict[str, Any]:
        """The row, and which band it is of."""
        return {"window": str(self.window), "adds": self.label, **self.row.to_json(),
                "experiment": self.experiment, "over": self.over}  # fmt: skip


def band_trials(
    experiment: str,
    windows: Sequence[Duration],
    contrasts: Sequence[Assignment],
    rows: Sequence[Row],
    *,
    over: bool = True,
) -> tuple[BandTrial, ...]:
    """Rows of a window test with the band each is of.

    Args:
        experiment: Its id.
        windows: Of its arms, in any order.
        contrasts: One for each window but the shortest, the shorter ones first.
        rows: Of one segment and one goal, named after the contrasts.
        over: Whether its planned end has come.
    """
    order = sorted({w.micros: w for w in windows}.values(), key=lambda w: w.micros)
    steps = itertools.pairwise(order)
    place = {one.id: pair for one, pair in zip(contrasts, steps, strict=True)}
    return tuple(
        BandTrial(experiment, *place[row.experiment], row, over)
        for row in rows
        if row.experiment in place
    )


def change_in(
    trials: Sequence[BandTrial], shorter: Duration | None, window: Duration
) -> Figure | None:
    """What was changed in the band between two windows; None where no test of it is over."""
    for one in trials:
        if one.over and shorter is not None and (one.shorter, one.window) == (shorter, window):
            return one.change
    return None
