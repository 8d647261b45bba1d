"""What reaching somebody changed: the difference of everyone assigned over the share reached."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.causal import Reach
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.outcomes import Outcomes
from fewer.stats.estimate import Estimate, Floats, State
from fewer.stats.fieller import fieller
from fewer.stats.proportion import difference
from fewer.stats.sums import sums

_FEWEST: Final = 2  # people for a variance
_MANY: Final = 20
"""Conversions in each group from which the variances can be trusted. With none among the held out
theirs is 0 and the interval of Fieller holds the truth next to never; with 3 expected, 92 times."""

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
    estimate = found.at(0)
    if x.min() < _MANY:
        estimate = _of_few(estimate, x, n, float(mean_d[0] - mean_d[1]))
    figure = Figure(estimate, "points", "share of people", label, NOTE)
    return Reach(float(d[0] / n[0]), float(d[1] / n[1]), figure)


def _of_few(found: Estimate, x: Floats, n: Floats, share: float) -> Estimate:
    """Limits of the difference of everyone assigned (Newcombe), over the share reached.

    Where the share itself is in doubt, Fieller has said so and stands.
    """
    if found.state is not State.BOUNDED or share <= 0:
        return found
    gap = difference([x[0]], [n[0]], [x[1]], [n[1]], confidence=found.confidence).at(0)
    if gap.lower is None or gap.upper is None:
        return replace(found, lower=None, upper=None, p=None, state=gap.state, why=gap.why)
    return replace(
        found, lower=gap.lower / share, upper=gap.upper / share, p=gap.p, method=gap.method
    )
