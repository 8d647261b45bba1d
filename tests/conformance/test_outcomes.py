"""The random suite really covers the language: everything in it was true, and was false, often."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance.outcomes import ALL, count
from conformance.test_random import DEFINITIONS
from strategies.definition import seeded

LEAST = 15  # answers of each kind


@pytest.fixture(scope="module")
def seen() -> Counter[tuple[str, bool]]:
    """Answers of the oracle to the first 30 worlds of the slow run."""
    counter: Counter[tuple[str, bool]] = Counter()
    for seed in range(30):
        count(*seeded(seed, DEFINITIONS), counter)
    return counter


@pytest.mark.parametrize("holds", [True, False])
def test_every_construct_has_both_answers(seen, holds):
    rare = {name: seen[name, holds] for name in ALL if seen[name, holds] < LEAST}
    assert rare == {}


def test_every_construct_has_a_name(seen):
    """A construct that the models gain must be named, and so be covered."""
    assert {name for name, _ in seen} - ALL == set()
