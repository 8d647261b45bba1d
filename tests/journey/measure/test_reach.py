"""What reaching somebody changed: its interval holds the truth for few conversions too."""

import numpy as np
import pytest
from pyroaring import BitMap
from scipy.stats import binom

from conftest import SOAK
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.reach import reach


class Outcome:
    """All that `reach` asks of an outcome."""

    confidence = 0.95

    def __init__(self, people):
        self.bitmap = BitMap(people)


def drawn(dice, sent, held, base, by):
    """A randomised campaign delivered to the keen; the true effect on those it reaches."""
    keen = dice.gamma(1.5, 1 / 1.5, sent + held)
    chance = 1.5 * keen / (1 + 1.5 * keen)
    plain = np.minimum(base * keen, 0.6)
    treated = np.arange(sent + held) < sent
    met = treated & (dice.random(sent + held) < chance)
    bought = dice.random(sent + held) < np.where(met, plain * by, plain)
    groups = (treated, ~treated, met, bought)
    return [BitMap(np.flatnonzero(group).tolist()) for group in groups]


def effect(base, by):
    keen = np.random.default_rng(0).gamma(1.5, 1 / 1.5, 400_000)
    chance = 1.5 * keen / (1 + 1.5 * keen)
    return float((chance * np.minimum(base * keen, 0.6)).mean() / chance.mean()) * (by - 1)


@pytest.mark.parametrize("sent, base, by", [(200, 0.06, 1.5), (400, 0.03, 1.0)])
def test_the_truth_is_inside_as_often_as_promised(sent, base, by):
    """3 conversions among the held out: the plain ratio of Fieller held it 92 times in 100."""
    dice = np.random.default_rng(1)
    truth, held = effect(base, by), 0
    n = 300 * SOAK
    for _ in range(n):
        treated, control, met, bought = drawn(dice, sent, sent // 4, base, by)
        found = reach(treated, control, met, Outcome(bought), EvidenceLabel.RANDOMISED_HOLDOUT)
        e = found.difference.estimate
        held += e.lower <= truth <= e.upper
    assert held >= binom.ppf(1e-4, n, 0.95)


def test_nobody_bought_among_the_held_out():
    found = reach(
        BitMap(range(100)), BitMap(range(100, 125)), BitMap(range(60)), Outcome(range(5)),
        EvidenceLabel.RANDOMISED_HOLDOUT,
    )  # fmt: skip
    e = found.difference.estimate
    assert e.value == pytest.approx(0.05 / 0.6)
    assert e.lower < 0 < e.upper  # nothing among 25 is no proof of none
