"""Worlds with planted combinations: what a search must find, and what it must not.

Heavy-tailed activity and topics make features go together; conversion rises with activity
(people choose themselves) and with single features; twelve combinations of two or three
features raise it further. In a later cohort some of them have faded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewer.journey.discover.matrix import Matrix, from_rows
from fewer.journey.discover.search import Cohort

SMALLEST, LARGEST = 250, 1_900
FADES = 0.6


@dataclass(frozen=True)
class World:
    """Two cohorts and the truth about them."""

    first: Cohort
    later: Cohort
    groups: tuple[int, ...]
    plants: tuple[tuple[int, ...], ...]
    faded: frozenset[int]

    def recovered(self, rules) -> set[int]:
        """Plants whose people a rule finds, nearly all of them and few others."""
        matrix = self.first.matrix
        found = set()
        for rule in rules:
            rows = matrix.members(rule)
            for at, plant in enumerate(self.plants):
                true = matrix.members(plant)
                both = len(np.intersect1d(rows, true, assume_unique=True))
                if both >= 0.8 * (len(rows) + len(true) - both):
                    found.add(at)
        return found

    def false(self, rules) -> list[tuple[int, ...]]:
        """Rules that have no more than a chance share of any plant's people."""
        matrix = self.first.matrix
        wrong = []
        for rule in rules:
            rows = matrix.members(rule)
            inside = [len(np.intersect1d(rows, matrix.members(p))) for p in self.plants]
            if max(inside) < 0.5 * len(rows):
                wrong.append(rule)
        return wrong


def world(
    seed: int,
    *,
    people: int = 100_000,
    features: int = 200,
    base: float = 0.02,
    selection: float = 0.3,
    topics: int = 12,
    numeric: int = 8,
    per_person: float = 7.9,
    plants: int = 12,
    power: float = 1.0,
) -> World:
    """A world. `numeric` groups of features are thresholds 1+, 2+, 3+ of one count."""
    rng = np.random.default_rng(seed)
    popularity = rng.zipf(1.6, features).clip(1, 60).astype(float) * rng.lognormal(0, 0.4, features)
    topic = rng.integers(0, topics, features)
    groups = np.arange(features)
    for n in range(numeric):
        groups[3 * n : 3 * n + 3] = n
        topic[3 * n : 3 * n + 3] = topic[3 * n]
    boost = rng.uniform(3, 9)
    liking = rng.integers(0, topics, (people, 2))
    latent = rng.gamma(0.9, 1.0, people) * rng.lognormal(0, 0.5, people)
    first, seen = _features(rng, latent, liking, topic, popularity, boost, numeric, per_person)
    planted = _plants(rng, first, groups, plants)
    main = rng.choice(features, 10, replace=False)
    weights = rng.uniform(0.2, 0.9, 10)
    ratios = rng.uniform(2.5, 5.0, len(planted)) ** power
    faded = frozenset(rng.choice(len(planted), len(planted) // 3, replace=False).tolist())

    def outcome(matrix: Matrix, activity, ratio) -> np.ndarray:
        line = selection * np.log1p(activity)
        for feature, weight in zip(main, weights, strict=True):
            line[matrix.column(int(feature))] += weight
        chance = np.exp(line)
        chance *= base / chance.mean()
        for rule, times in zip(planted, ratio, strict=True):
            chance[matrix.members(rule)] *= times
        return rng.random(len(chance)) < np.minimum(chance, 0.9)

    # Half of the people a while later; the others are new.
    stay = rng.random(people) < 0.5
    again = np.where(stay, latent * rng.lognormal(0, 0.3, people), rng.permutation(latent))
    liking[~stay] = rng.integers(0, topics, (int((~stay).sum()), 2))
    second, seen_again = _features(
        rng, again, liking, topic, popularity, boost, numeric, per_person
    )
    less = [1 + (r - 1) * (1 - FADES) if at in faded else r for at, r in enumerate(ratios)]
    return World(
        Cohort(first, outcome(first, seen, ratios), seen),
        Cohort(second, outcome(second, seen_again, less), seen_again),
        tuple(groups.tolist()),
        tuple(planted),
        faded,
    )


def _features(rng, latent, liking, topic, popularity, boost, numeric, per_person):
    """Who did what, and how much each did in all."""
    people = len(latent)
    rates = popularity / popularity.sum()
    scale = per_person / (latent.mean() * (1 + boost * 2 / (topic.max() + 1)))
    columns, total = [], np.zeros(people)
    at = 0
    while at < len(popularity):
        likes = (liking == topic[at]).any(axis=1)
        lam = latent * scale * rates[at] * (1 + boost * likes)
        counts = rng.poisson(lam * (2.0 if at < 3 * numeric else 1.0))
        total += counts
        if at < 3 * numeric:
            columns += [np.flatnonzero(counts >= t).astype(np.int32) for t in (1, 2, 3)]
            at += 3
        else:
            columns.append(np.flatnonzero(counts).astype(np.int32))
            at += 1
    return from_rows(columns, people), total + rng.poisson(latent * 3)


def _plants(rng, matrix: Matrix, groups, wanted):
    """Pairs and triples with a size in the band, no feature nearly inside another."""
    found: list[tuple[int, ...]] = []
    sizes = matrix.sizes
    usable = np.flatnonzero(sizes > SMALLEST)
    for length in (2, 3) * (40 * wanted):
        if len(found) == wanted:
            break
        for _ in range(400):
            rule = tuple(sorted(rng.choice(usable, length, replace=False).tolist()))
            if len({groups[f] for f in rule}) < length:
                continue
            n = len(matrix.members(rule))
            if not SMALLEST <= n <= LARGEST:
                continue
            parts = [len(matrix.members([f for f in rule if f != g])) for g in rule]
            if min(parts) < 1.25 * n:
                continue
            rows = matrix.members(rule)
            if any(len(np.intersect1d(rows, matrix.members(p))) > 0.2 * n for p in found):
                continue
            found.append(rule)
            break
    return found
