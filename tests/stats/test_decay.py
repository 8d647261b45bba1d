"""Monotone bands and half-lives: exact on exact curves, honest on noise."""

import os

import numpy as np
import pytest

from fewer.stats.decay import exponential_decay, isotonic

SOAK = int(os.environ.get("FEWER_SOAK", "1"))
EDGES = np.array([0, 1, 2, 3, 5, 7, 10, 14, 21, 30.0])
YOUNG, OLD = EDGES[:-1], EDGES[1:]


def curve(floor, height, half_life):
    """Mean over each band."""
    fall = np.log(2) / half_life
    return floor + height * (np.exp(-fall * YOUNG) - np.exp(-fall * OLD)) / (fall * (OLD - YOUNG))


def fitted(people, converted):
    rate = converted / people
    smooth = np.maximum(isotonic(rate, people), 0.5 / people)
    return exponential_decay(YOUNG, OLD, rate, np.sqrt(smooth * (1 - smooth) / people))


def test_pools_what_rises():
    assert isotonic([5, 4, 3], [1, 1, 1]).tolist() == [5, 4, 3]
    assert isotonic([1, 2, 3], [1, 1, 1]).tolist() == [2, 2, 2]
    assert isotonic([3, 1, 2, 0], [1, 1, 3, 1]).tolist() == [3, 1.75, 1.75, 0]
    with pytest.raises(ValueError, match="above 0"):
        isotonic([1, 2], [1, 0])


@pytest.mark.parametrize("half_life", [2, 5, 12])
def test_an_exact_curve_is_found(half_life):
    found = exponential_decay(YOUNG, OLD, curve(0.01, 0.05, half_life), np.full(9, 3e-4))
    assert found.half_life == pytest.approx(half_life, rel=0.03)
    assert found.floor == pytest.approx(0.01, rel=0.05)
    assert found.start == pytest.approx(0.06, rel=0.05)
    assert found.lower < half_life < found.upper
    assert found.at([0.0])[0] == pytest.approx(found.start)


def test_no_fall_no_half_life():
    flat = exponential_decay(YOUNG, OLD, np.full(9, 0.02), np.full(9, 0.002))
    assert (flat.half_life, flat.at(0)) == (None, None)
    assert flat.why.startswith("no fall to be seen")
    rising = exponential_decay(YOUNG, OLD, 0.01 + YOUNG / 1000, np.full(9, 0.001))
    assert rising.half_life is None
    few = exponential_decay([0, 7, 14], [7, 14, 30], [0.03, 0.02, 0.01], [0.001] * 3)
    assert few.why.startswith("fewer than 4 bands")
    with pytest.raises(ValueError, match="above 0"):
        exponential_decay([0], [0], [0.1], [0.1])


def test_noise_seldom_has_a_half_life():
    rng = np.random.default_rng(1)
    people = np.full(9, 2_000)
    found = [fitted(people, rng.binomial(people, 0.02)).half_life for _ in range(200)]
    assert sum(h is not None for h in found) <= 10


@pytest.mark.parametrize(
    "floor,height,half_life,people",
    [
        (0.01, 0.05, 3, 20_000),
        pytest.param(0.01, 0.05, 3, 4_000, marks=pytest.mark.slow),
        pytest.param(0.005, 0.03, 7, 20_000, marks=pytest.mark.slow),
        pytest.param(0.0, 0.02, 10, 20_000, marks=pytest.mark.slow),
        pytest.param(0.01, 0.05, 14, 20_000, marks=pytest.mark.slow),
    ],
)
def test_coverage_of_the_half_life(floor, height, half_life, people):
    rng = np.random.default_rng([people, half_life])
    reps, shown, inside = 200 * SOAK, 0, 0
    for _ in range(reps):
        sizes = rng.multinomial(people, (OLD - YOUNG) / 30) + 1
        found = fitted(sizes, rng.binomial(sizes, curve(floor, height, half_life)))
        if found.half_life is not None:
            shown += 1
            inside += (found.lower or 0) <= half_life <= (found.upper or np.inf)
    assert shown > reps / 2
    assert inside / shown > 0.95 - 3 * np.sqrt(0.95 * 0.05 / shown)
