"""What reaching somebody changed: the difference of everyone assigned over the share reached."""

from __future__ import annotations

from typing import Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.causal import Reach
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.outcomes import Outcomes
from fewer.stats.fieller import fieller
from fewer.stats.sums import sums

_FEWEST: Final = 2  # people for a variance
NOTE: Final = (
    "of those reached because they were assigned to be (CACE): everyone assigned, over the share"
)


def reach(
    treated: BitMap, control: BitMap, reached: BitMap, outcome: Outcomes, label: EvidenceLabel
) -> Reach | None:
    """Scale the difference of everyone assigned to those reached; None where nobody was.

    Args:
        treated: Assigned to be reached.
        control: Assigned not to be.
        reached: Who was, of either.
        outcome: Of one goal.
        label: Of the assignment.
    """
    if len(treated) < _FEWEST or len(control) < _FEWEST or not treated & reached:
        return None
    groups = (treated, control)
    n = np.array([len(g) for g in groups], dtype=np.float64)
    d = np.array([len(g & reached) for g in groups], dtype=np.float64)
    x = np.array([len(g & outcome.bitmap) for g in groups], dtype=np.float64)
    both = np.array([len(g & reached & outcome.bitmap) for g in groups], dtype=np.float64)
    table = sums(n, {"x": x, "d": d}, {("x", "x"): x, ("d", "d"): d, ("x", "d"): both})
    mean_x, mean_d = table.mean("x"), table.mean("d")

    def error(first: str, second: str) -> float:
        return float((table.covariance(first, second) / n).sum())

    found = fieller(
        [mean_x[0] - mean_x[1]],
        [mean_d[0] - mean_d[1]],
        error("x", "x"),
        error("d", "d"),
        error("x", "d"),
        confidence=outcome.confidence,
    )
    figure = Figure(found.at(0), "points", "share of people", label, NOTE)
    return Reach(float(d[0] / n[0]), float(d[1] / n[1]), figure)
