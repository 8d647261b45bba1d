"""The truth lies in the intervals as often as promised, over many worlds and mechanisms.

Sums are plain counts over the generated rows (`counted`). Bounds are binomial: of `n` intervals
that hold with 95 %, fewer than the 1 in 10,000 quantile hold by a chance of 1 in 10,000. Intervals
of small groups hold more often than promised, so there is no bound above.
"""

from collections import Counter

import pytest
from scipy.stats import binom

from conftest import SOAK
from data.simulate.counted import NULL, Ads, World
from data.simulate.counted import SIZED as SMALL
from fewer.data.simulate.arms import DESIGNS, FAILING, lists
from fewer.data.simulate.parameters import Parameters
from fewer.data.simulate.shop import lists_of
from fewer.stats.split import ALARM, split_check

RARE = 1e-4
WORLDS = 12 * SOAK
MECHANISMS = {
    "as it is": {},
    "intent shows in all that people do": {"confounding": 3.0},
    "intent shows in nothing": {"confounding": 0.0},
    "heavy tails": {"spread": 1.6, "baskets": 1.5},
    "a season": {"season": 0.9},
    "growth": {"drift": 1.5},
    "bought days after the decision": {"delay": 5.0},
    "ads delivered to the keen": {"delivery": 2.0},
    "people influence each other": {"interference": 0.5},
}


def world(seed, **chosen):
    return World(Parameters(**(SMALL | chosen | {"seed": seed})))


def least(n, level=0.95):
    """So many of `n` hold at least, but for a chance of `RARE`."""
    return int(binom.ppf(RARE, n, level))


def most(n, level):
    """So many of `n` happen at most, but for a chance of `RARE`."""
    return int(binom.ppf(1 - RARE, n, level))


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_truth_lies_in_the_intervals(mechanism):
    chosen = MECHANISMS[mechanism]
    held, made, told = Counter(), Counter(), Counter()
    first = 10_000 * (1 + list(MECHANISMS).index(mechanism))
    for seed in range(first, first + WORLDS):
        made_world = world(seed, **chosen)
        for seen in (*made_world.seen(), *made_world.revenue()):
            if seen.interval:
                made[seen.effect] += 1
                held[seen.effect] += seen.covers
                told[seen.effect] += not seen.holds(1.0)
    assert made.total() > 6 * WORLDS
    assert held.total() >= least(made.total())
    for effect, n in made.items():
        assert held[effect] >= least(n), effect
    # Arms and a campaign that do nothing: no more intervals leave out "nothing" than promised.
    n = sum(made[effect] for effect in NULL)
    assert sum(told[effect] for effect in NULL) <= most(n, 0.05)


@pytest.mark.slow
def test_ratios_of_ad_reports():
    held, made = Counter(), Counter()
    for seed in range(100 * SOAK):
        for seen in Ads(Parameters(**SMALL, seed=seed)).seen():
            if seen.interval:
                made[seen.effect] += 1
                held[seen.effect] += seen.covers
    assert len(made) == 9
    for effect, n in made.items():
        assert held[effect] >= least(n), effect


@pytest.mark.slow
def test_where_days_remember_intervals_by_day_do_not_hold():
    """Said in docs/simulate.md: a click rate that wanders for weeks makes a few weeks look sure."""
    held = made = 0
    for seed in range(100 * SOAK):
        for seen in Ads(Parameters(**SMALL, seed=seed, wander=0.3)).seen():
            if seen.effect in {"creative_ctr", "programme_ctr"}:
                made += 1
                held += seen.covers
    assert held < least(made)


@pytest.mark.slow
def test_reached_against_unreached_is_wrong():
    """The campaign does nothing, and those it reached buy more often: the platform chose them."""
    wrong = n = 0
    for seed in range(20 * SOAK):
        counts = world(seed, delivery=1.5, people=30_000).counts("reached_placebo")
        n += 1
        wrong += counts[0] / counts[1] > 1.3 * max(counts[2], 1) / counts[3]
    assert wrong >= 0.8 * n


@pytest.mark.slow
def test_a_broken_split_is_found_and_a_sound_one_passes():
    """Half of the keen of one arm lost: found in nearly all worlds. Sound: flagged as stated."""
    found = flagged = checked = 0
    n = 12 * SOAK
    for seed in range(n):
        shop = world(seed, ratio_failure=0.9, people=40_000).shop
        sizes = {name: len(people) for name, people in lists_of(shop).items()}
        for design in DESIGNS:
            seen = [sizes[name] for name in lists(design)]
            [p] = split_check([seen], [1.0] * len(seen)).p
            if FAILING in lists(design):
                found += p < ALARM
            else:
                flagged += p < ALARM
                checked += 1
    assert found >= 0.9 * n
    assert flagged <= most(checked, ALARM)


def test_one_small_world():
    """The same at a size that every run can afford: counts are there, and most truths inside."""
    seen = list(world(2, people=4_000, events=20_000).seen())
    assert sum(one.covers for one in seen) >= least(len(seen))
    assert {one.truth for one in seen if one.effect in NULL} == {1.0}
