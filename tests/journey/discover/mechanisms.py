"""Worlds of other mechanisms than the search assumes, each with plants and with none.

Nothing here is shared with the search or with `planted`: people do a number of things drawn one
by one; how many, which, and what follows from it differ by mechanism. The search is told what a
project would tell it: who has which feature, how much each did, and who converted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from fewer.journey.discover.matrix import Matrix, from_rows
from fewer.journey.discover.search import Cohort

SMALLEST, LARGEST = 300, 2_500


@dataclass(frozen=True)
class Mechanism:
    """How a world works; the defaults are a plain one."""

    name: str
    shape: str = "log"  # of conversion in activity: log, flat, u, saturating, step
    classes: int = 0  # kinds of people, each with its own likings and rate
    blocks: int = 0  # features a block that go together
    rho: float = 0.8  # within a block
    bots: float = 0.0  # share of people who do hundreds of times as much, and convert never
    base: float = 0.02
    excited: float = 0.0  # times the chance of everyone, for each earlier conversion
    drift: float = 1.0  # the later rate, over the first
    fades: float = 0.0  # share of the plants that are gone later
    kind: str = "with"  # plants: with, without, amounts, single
    link: str = "log"  # how effects combine: log, logit, added
    multipliers: tuple[float, float] = (2.5, 5.0)
    quiet: float = 0.0  # share of people who did nothing


MECHANISMS = (
    Mechanism("plain"),
    Mechanism("flat in activity", shape="flat"),
    Mechanism("U-shaped activity", shape="u"),
    Mechanism("saturating activity", shape="saturating"),
    Mechanism("activity in steps", shape="step"),
    Mechanism("kinds of people", classes=5),
    Mechanism("blocks of rho 0.8", blocks=8),
    Mechanism("bots", bots=0.001),
    Mechanism("half do nothing", quiet=0.5),
    Mechanism("common goal, 20 %", base=0.2, multipliers=(2.0, 3.0)),
    Mechanism("rare goal, 0.3 %", base=0.003, multipliers=(4.0, 5.0)),
    Mechanism("self-exciting", excited=1.0),
    Mechanism("drift and season", drift=0.5, shape="saturating"),
    Mechanism("added effects", link="added"),
    Mechanism("a third fades", fades=1 / 3),
    Mechanism("without something", kind="without"),
    Mechanism("amounts", kind="amounts"),
    Mechanism("single actions", kind="single"),
)


@dataclass(frozen=True)
class Made:
    """Two cohorts, and the people of every plant in the first."""

    first: Cohort
    later: Cohort
    groups: tuple[int, ...]
    plants: tuple[np.ndarray, ...]
    real: frozenset[int] = field(default=frozenset())  # features that matter alone

    def best(self, rows: np.ndarray) -> tuple[int, float, float]:
        """The nearest plant: its place, Jaccard, and the share of the rows inside it."""
        found = (-1, 0.0, 0.0)
        for at, plant in enumerate(self.plants):
            both = len(np.intersect1d(rows, plant, assume_unique=True))
            alike = both / max(len(rows) + len(plant) - both, 1)
            if alike > found[1]:
                found = (at, alike, both / max(len(rows), 1))
        return found

    def scored(self, people: list[np.ndarray], nearly: float = 0.8) -> tuple[set[int], int]:
        """Plants that were found, and how many of the rules have little to do with any."""
        found, false = set(), 0
        for rows in people:
            at, alike, inside = self.best(rows)
            if alike >= nearly:
                found.add(at)
            false += inside < 0.5
        return found, false


@dataclass
class _Draw:
    """What stays the same of a world between its two moments."""

    how: Mechanism
    rng: np.random.Generator
    people: int
    things: int
    counted: int  # things whose counts are features 1+, 2+, 4+
    amounts: int  # things that carry an amount

    def __post_init__(self) -> None:
        rng, how = self.rng, self.how
        popularity = 1 / (np.arange(self.things) + 3.0) ** 0.8
        rng.shuffle(popularity)
        kinds = max(how.classes, 1)
        self.profiles = np.tile(popularity, (kinds, 1))
        if how.classes:
            self.profiles *= rng.gamma(0.5, 2.0, (kinds, self.things)) + 0.05
        self.profiles /= self.profiles.sum(axis=1, keepdims=True)
        self.class_rate = rng.permutation(np.geomspace(0.3, 4.0, kinds)) if how.classes else None
        self.single = rng.choice(self.things, 8, replace=False)
        self.weight = rng.uniform(0.2, 0.9, 8)
        self.kinds = rng.integers(0, kinds, self.people)
        self.zeal = rng.lognormal(0, 0.9, self.people)
        self.zeal[rng.random(self.people) < how.quiet] = 0.0
        self.bot = rng.random(self.people) < how.bots
        self.past = np.zeros(self.people)

    def did(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts by person and thing (dense), amounts, and how much each did."""
        rng, how = self.rng, self.how
        zeal = self.zeal * rng.lognormal(0, 0.3, self.people)
        mean = 7.0 * zeal / max(self.zeal.mean(), 1e-9)
        if how.blocks:
            counts = self._in_blocks(mean)
        else:
            many = rng.poisson(mean)
            who = np.repeat(np.arange(self.people), many)
            edges = np.cumsum(self.profiles, axis=1)
            what = np.empty(len(who), np.int64)
            for kind in range(len(self.profiles)):
                mine = self.kinds[who] == kind
                draws = np.searchsorted(edges[kind], rng.random(int(mine.sum())))
                what[mine] = np.minimum(draws, self.things - 1)
            counts = np.bincount(who * self.things + what, minlength=self.people * self.things)
            counts = counts.reshape(self.people, self.things).astype(np.int32)
        if self.bot.any():
            counts[self.bot] = rng.poisson(40, (int(self.bot.sum()), self.things))
        spent = counts[:, -self.amounts :] * rng.lognormal(3, 0.8, (self.people, self.amounts))
        return counts, spent, counts.sum(axis=1).astype(float)

    def _in_blocks(self, mean: np.ndarray) -> np.ndarray:
        """Things of a block are done together: normal variables of correlation rho, cut."""
        rng, how = self.rng, self.how
        share = self.profiles[0] * 7.0
        lift = 0.25 * np.log((mean + 0.5) / (mean.mean() + 0.5))
        counts = np.zeros((self.people, self.things), np.int32)
        from scipy.special import ndtri

        for start in range(0, self.things, how.blocks):
            common = rng.normal(size=self.people)
            for thing in range(start, min(start + how.blocks, self.things)):
                own = rng.normal(size=self.people)
                z = np.sqrt(how.rho) * common + np.sqrt(1 - how.rho) * own + lift
                cut = ndtri(1 - min(share[thing], 0.5))
                counts[:, thing] = (z > cut) * 1 + (z > cut + 0.5) + 2 * (z > cut + 1)
        return counts

    def features(self, counts: np.ndarray, spent: np.ndarray) -> tuple[Matrix, tuple[int, ...]]:
        """What the search sees: thresholds that say nothing of where the plants' lie."""
        columns, groups = [], []
        for thing in range(self.things):
            levels = (1, 2, 4) if thing < self.counted else (1,)
            for times in levels:
                columns.append(np.flatnonzero(counts[:, thing] >= times).astype(np.int32))
                groups.append(thing)
        if not hasattr(self, "cuts"):
            self.cuts = [np.quantile(s[s > 0], (0.25, 0.5, 0.75, 0.9)) for s in spent.T]
        for at, cuts in enumerate(self.cuts):
            for cut in cuts:
                columns.append(np.flatnonzero(spent[:, at] >= cut).astype(np.int32))
                groups.append(self.things - self.amounts + at)
        columns.append(np.flatnonzero(self.past > 0).astype(np.int32))
        groups.append(self.things)
        return from_rows(columns, self.people), tuple(groups)

    def chance(self, counts: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Of converting, before any plant."""
        how = self.how
        logs = np.log1p(active)
        shapes = {
            "flat": lambda: np.zeros(self.people),
            "log": lambda: 0.4 * logs,
            "u": lambda: 0.5 * (logs - 2.0) ** 2,
            "saturating": lambda: 2.0 * active / (active + 3.0),
            "step": lambda: 1.2 * (active >= 9) + 0.8 * (active >= 25),
        }
        line = np.minimum(shapes[how.shape](), 3.5)
        alone = (counts[:, self.single] > 0) @ self.weight
        risk = np.exp(line) + np.expm1(alone) if how.link == "added" else np.exp(line + alone)
        if self.class_rate is not None:
            risk *= self.class_rate[self.kinds]
        risk *= 1 + how.excited * np.minimum(self.past, 3)
        risk[self.bot] = 0.0
        return risk


def made(
    how: Mechanism,
    seed: int,
    *,
    people: int = 100_000,
    things: int = 150,
    plants: int = 12,
) -> Made:
    """A world of a mechanism; no plants: one in which there is nothing to find."""
    rng = np.random.default_rng([seed, 77])
    draw = _Draw(how, rng, people, things, counted=12, amounts=8)
    if how.excited:
        counts, _, active = draw.did()
        risk = draw.chance(counts, active)
        draw.past = rng.poisson(np.minimum(3 * how.base * risk / risk.mean(), 2.0))
    counts, spent, active = draw.did()
    rules = _plants(rng, how, counts, spent, plants)
    times = rng.uniform(*how.multipliers, len(rules))
    gone = rng.random(len(rules)) < how.fades
    first, groups, inside = _cohort(draw, (counts, spent, active), rules, times, 1.0)
    again = draw.did()
    later, _, _ = _cohort(draw, again, rules, np.where(gone, 1.0, times), how.drift)
    return Made(first, later, groups, tuple(np.flatnonzero(i) for i in inside))


def _cohort(draw: _Draw, did, rules, times, drift):
    counts, spent, active = did
    matrix, groups = draw.features(counts, spent)
    risk = draw.chance(counts, active)
    chance = draw.how.base * drift * risk / risk.mean()
    inside = [rule(counts, spent) for rule in rules]
    for rows, ratio in zip(inside, times, strict=True):
        chance[rows] *= ratio
    if draw.how.link == "logit":
        chance = chance / (1 + chance)
    converted = draw.rng.random(draw.people) < np.minimum(chance, 0.95)
    return Cohort(matrix, converted, active), groups, inside


def _plants(rng, how: Mechanism, counts, spent, wanted):
    """Rules of the kind of the mechanism, of a size in the band, that share few people."""
    rules, held = [], []
    bots = counts.sum(axis=1) > 1_000
    for _ in range(20_000):
        if len(rules) == wanted:
            break
        rule, parts = _rule(rng, how, counts.shape[1], spent.shape[1])
        rows = rule(counts, spent) & ~bots
        n = int(rows.sum())
        if not SMALLEST <= n <= LARGEST:
            continue
        if any(int((part(counts, spent) & ~bots).sum()) < 1.4 * n for part in parts):
            continue  # a part says the same as the whole
        if any((rows & other).sum() > 0.2 * min(n, other.sum()) for other in held):
            continue
        rules.append(rule)
        held.append(rows)
    return rules


def _rule(rng, how: Mechanism, things: int, amounts: int):
    """A rule as a function of counts and amounts, and the rules that it refines."""

    def has(thing: int, times: int = 1):
        return lambda counts, _: counts[:, thing] >= times

    def lacks(thing: int):
        return lambda counts, _: counts[:, thing] == 0

    def over(amount: int, bound: float):
        return lambda _, spent: spent[:, amount] >= bound

    length = int(rng.integers(2, 4))
    picked = rng.choice(things - amounts, length, replace=False)
    tests = [has(int(t)) for t in picked]
    if how.kind == "single":
        tests = tests[:1]
    elif how.kind == "without":
        tests[-1] = lacks(int(picked[-1]))
        if length == 2:
            tests.insert(0, has(int(rng.integers(0, 12)), 1))
    elif how.kind == "amounts":
        tests[-1] = over(int(rng.integers(0, amounts)), float(rng.uniform(8, 60)))

    def joined(chosen):
        def rule(counts, spent):
            rows = np.ones(len(counts), bool)
            for test in chosen:
                rows &= test(counts, spent)
            return rows

        return rule

    parts = [joined([t for t in tests if t is not left]) for left in tests]
    return joined(tests), [] if len(tests) == 1 else parts


def null(how: Mechanism, seed: int, **more) -> Made:
    """The same mechanism without any plant."""
    return made(replace(how, fades=0.0), seed, plants=0, **more)
