"""E-values, as published."""

import pytest

from fewer.stats.proportion import ratio
from fewer.stats.sensitivity import e_value, sensitivity


def test_published_example():
    """VanderWeele & Ding (2017): breastfeeding and infant deaths, 3.9 (1.8 to 8.7)."""
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert e_value(1.8) == pytest.approx(3.0, abs=0.005)


def test_below_one_is_turned_round():
    assert e_value(0.5) == pytest.approx(e_value(2.0))
    assert e_value(2.0) == pytest.approx(2 + 2**0.5)
    assert e_value(1.0) == 1.0
    with pytest.raises(ValueError, match="above 0"):
        e_value(0.0)


def test_of_an_interval():
    unclear = sensitivity(ratio([12], [100], [10], [100]).at(0))
    assert unclear.limit == 1.0
    clear = sensitivity(ratio([10], [100], [40], [100]).at(0))
    assert 1 < clear.limit < clear.value
    assert sensitivity(ratio([0], [100], [0], [100]).at(0)) is None
