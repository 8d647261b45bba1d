"""The search: all pairs and triples scored against the baseline, cleared of repetition, confirmed.

Error control, stated once: under "nothing goes beyond activity and single features", the chance
that even one segment is reported is at most `level` in all. Half of it is spent on discovery
alone (Bonferroni over every combination in the size band), half on confirmation: a short list,
made without a look at later outcomes, is tested on them by Holm's method. A segment is reported
when it passes either. Within each half, four fifths go to combinations of what people did, the
rest to "but not" and to single features (weighted Bonferroni; Genovese, Roeder & Wasserman 2006,
Biometrika 93, 509-524).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from fewer.journey.discover.baseline import Baseline, fit
from fewer.journey.discover.kernels import together
from fewer.journey.discover.matrix import Flags, Floats, Matrix, affordable
from fewer.journey.discover.tables import Combinations, count
from fewer.stats.multiplicity import holm

Status = Literal["confirmed", "weaker", "decayed", "unconfirmed"]

_SHORT_LIST: Final = 20
"""False combinations that a short list may be expected to hold before confirmation."""

_LOOSEST: Final = 1e-3
_ROUNDS: Final = 2  # fits after the plain one; each knows the rules found by those before
_ROUGHEST: Final = 0.1  # p before what the model took of a rule is given back
_MOST_POOLED: Final = 2_500
_MOST_LISTED: Final = 60
_FEWEST_OF_A_BOT: Final = 40  # features
_FEW_BOTS: Final = 0.005  # of people
_SAME: Final = 0.95  # a feature nearly inside another says the same as the two together
_FEWEST_CONVERSIONS: Final = 3
_SHARES: Final = (0.8, 0.15, 0.05)  # of the level: combinations, "but not", single features
_SURELY_FEWER: Final = 0.01  # p before "but not" is said to matter


@dataclass(frozen=True, slots=True)
class Cohort:
    """People at one moment: what was known of them, and what they did afterwards."""

    matrix: Matrix
    converted: Flags  # (people,)
    activity: Floats  # (people,) or (people, k), before the moment


@dataclass(frozen=True, slots=True)
class Tally:
    """One rule in one cohort: people, conversions, and how many the baseline expects."""

    people: int
    converted: int
    expected: float
    p: float  # chance of so many conversions if the baseline were all there is

    @property
    def ratio(self) -> float:
        """Conversions for each one expected; 0 when none was expected."""
        return self.converted / self.expected if self.expected > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that passed, as numbers of features."""

    features: tuple[int, ...]
    discovery: Tally
    confirmation: Tally | None
    adjusted_p: float | None  # of the confirmation, Holm over the short list
    status: Status
    without: tuple[int, ...] = ()  # features that its people do not have

    @property
    def rule(self) -> tuple[int, ...]:
        """As `Matrix.members` takes it."""
        return (*self.features, *(~f for f in self.without))

    @classmethod
    def of(
        cls,
        rule: tuple[int, ...],
        tallies: tuple[Tally, Tally | None],
        adjusted: float | None,
        status: Status,
    ) -> Found:
        """From a rule in which ``~f`` stands for those without feature f."""
        has, lacks = (f for f in rule if f >= 0), (~f for f in rule if f < 0)
        return cls(tuple(has), *tallies, adjusted, status, tuple(lacks))


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, and how hard it looked."""

    found: tuple[Found, ...]
    dropped: tuple[Found, ...]  # of the short list, what passed neither test
    tested: int  # combinations in the size band
    listed: int  # of these on the short list
    left_out: int  # people with too many features to be searched
    level: float
    expected_rate: float = 0.0
    thresholds: tuple[float, float] = field(default=(0.0, 0.0))  # p of discovery; of the list
    singles: tuple[Found, ...] = ()  # single features in the band that passed
    singles_tested: int = 0


def tail(converted: NDArray[np.int64] | int, people: object, expected: object) -> Floats:
    """Chance of at least so many conversions when `expected` are, among so many people.

    Binomial with the mean chance: people whose chances differ vary less than that (Hoeffding
    1956, Annals of Mathematical Statistics 27, 713-721), so it never exaggerates.

    >>> round(float(tail(8, 200, 2.0)), 5)
    0.00101
    """
    k = np.asarray(converted, np.float64)
    n = np.maximum(np.asarray(people, np.float64), 1.0)
    mean = np.clip(np.asarray(expected, np.float64) / n, 1e-12, 1 - 1e-12)
    found = special.betainc(np.maximum(k, 1e-9), np.maximum(n - k + 1, 1e-9), mean)
    return np.where(k <= 0, 1.0, found)


def apart(matrix: Matrix, groups: Sequence[int]) -> Flags:
    """Which features may not stand together: of one group, or one nearly inside the other.

    Args:
        matrix: Who has which feature.
        groups: For each feature the thing it speaks of; thresholds of one thing share a group.
    """
    of = np.asarray(groups)
    both = together(matrix.csr(), np.ones(matrix.people))
    smaller = np.minimum.outer(matrix.sizes, matrix.sizes)
    return np.asarray((of[:, None] == of[None, :]) | (both >= _SAME * np.maximum(smaller, 1)))


def search(
    first: Cohort,
    later: Cohort | None,
    groups: Sequence[int],
    *,
    band: tuple[int, int] = (200, 2_000),
    level: float = 0.05,
    seed: int = 0,
) -> Searched:
    """Combinations of two or three features whose people convert beyond the baseline.

    Args:
        first: Where combinations are looked for; features in the same order as in `later`.
        later: Where they are confirmed. None: discovery alone decides, on the whole `level`.
        groups: See `apart`.
        band: Fewest and most people, in the first cohort.
        level: Family-wise level of the whole list.
        seed: Of the baseline's sample.
    """
    if not first.converted.any() or first.converted.all() or not first.matrix.features:
        return Searched((), (), 0, 0, 0, level)
    busy = first.matrix.counts > _most_searched(first.matrix)
    alpha = level / 2 if later is not None else level
    hunt = _Hunt(first, ~busy, groups, band, alpha, seed, confirms=later is not None)
    picked = hunt.run()
    alone = [strong for _, _, strong in picked]
    if later is None:
        judged = [Found.of(r, (t, None), None, "unconfirmed") for r, t, _ in picked]
        found, dropped = judged, []
    else:
        pairs = [(rule, tally) for rule, tally, _ in picked]
        share = 1 - _SHARES[2]
        judged = _confirm(pairs, alone, later, level / 2 * share, seed)
        found = [f for f in judged if f.status != "unconfirmed"]
        dropped = [f for f in judged if f.status == "unconfirmed"]
    rules = [rule for rule, _, _ in picked]
    alone_found, many = _singles(hunt, later, rules, alpha * _SHARES[2])
    return Searched(
        tuple(found),
        tuple(dropped),
        tested=hunt.tested,
        listed=len(picked),
        left_out=int(busy.sum()),
        level=level,
        expected_rate=float(first.converted.mean()),
        thresholds=(hunt.cut, hunt.loosest),
        singles=alone_found,
        singles_tested=many,
    )


def _most_searched(matrix: Matrix) -> int:
    """Most features of one person: what is affordable, and a few with half of all are bots."""
    most, half = affordable(matrix.counts), max(matrix.features // 2, _FEWEST_OF_A_BOT)
    return min(most, half) if (matrix.counts > half).mean() <= _FEW_BOTS else most


@dataclass(slots=True)
class _Hunt:
    """Rounds of fitting, counting and picking: each fit knows the rules found before it."""

    cohort: Cohort
    searched: Flags
    groups: Sequence[int]
    band: tuple[int, int]
    alpha: float
    seed: int
    confirms: bool
    tested: int = 0
    cut: float = 0.0
    loosest: float = 0.0
    handicaps: tuple[float, float] = (1.0, 1.0)

    def run(self) -> list[_Picked]:
        """The short list, in the order in which it was found."""
        whole = self.cohort
        matrix, converted = whole.matrix.rows(self.searched), whole.converted[self.searched]
        block = apart(matrix, self.groups)
        plain = fit(whole.matrix, whole.converted, whole.activity, bends=False, seed=self.seed)
        seen = plain.only(self.searched)
        combos = count(matrix, converted, seen.expected, block, self.band)
        self._thresholds(combos)
        # What a plain expectation finds is a column of its own before anything may bend: else the
        # bends would follow the strongest combinations. What the bends explain is dropped again.
        picked = _cover(matrix, seen, combos, (self.cut, self.cut), ())
        model: Baseline | None = None
        for turn in range(_ROUNDS):
            model, picked = self._again(model, picked)
            seen = model.only(self.searched)
            combos = count(matrix, converted, seen.expected, block, self.band)
            self._thresholds(combos)
            taken = {rule for rule, _, _ in picked}
            last = turn + 1 == _ROUNDS
            strict = [] if last else _cover(matrix, seen, combos, (self.cut, self.cut), taken)
            picked += strict
            if not strict:
                loose = (self.loosest, self.cut)
                return picked + _cover(matrix, seen, combos, loose, taken)
        return picked

    def _again(
        self, model: Baseline | None, picked: list[_Picked]
    ) -> tuple[Baseline, list[_Picked]]:
        """A fit that knows the rules, and those of them that hold against all else it knows."""
        whole = self.cohort
        while True:
            members = [whole.matrix.members(rule) for rule, _, _ in picked]
            model = fit(
                whole.matrix,
                whole.converted,
                whole.activity,
                rules=members,
                like=model,
                seed=self.seed,
            )
            tallies = _against(model, whole, members)
            weighed = [
                t.p * self.handicaps[r[-1] < 0]
                for (r, _, _), t in zip(picked, tallies, strict=True)
            ]
            kept = [
                (rule, tally, p <= self.cut)
                for (rule, _, _), tally, p in zip(picked, tallies, weighed, strict=True)
                if p <= self.loosest
            ]
            if len(kept) == len(picked):
                return model, kept
            picked = kept

    def _thresholds(self, combos: Combinations) -> None:
        combinations = len(combos)
        self.tested = combinations
        self.handicaps = _handicaps(combos)
        self.cut = self.alpha * (1 - _SHARES[2]) / max(combinations, 1)
        listed = min(max(_SHORT_LIST / max(combinations, 1), self.cut), _LOOSEST)
        self.loosest = listed if self.confirms else self.cut


_Picked = tuple[tuple[int, ...], Tally, bool]
"""A rule, its figures, and whether discovery alone is enough for it."""


def _handicaps(combos: Combinations) -> tuple[float, float]:
    """By what each p is multiplied, so that each kind of rule has its share of the level.

    Of combinations, and of "but not".
    """
    shares = np.array(_SHARES[:2])
    many = np.array([(~combos.without).sum(), combos.without.sum()])
    total = shares[many > 0].sum()
    first, second = many / max(len(combos), 1) * total / shares
    return float(first), float(second)


def _rule(features: NDArray[np.int32]) -> tuple[int, ...]:
    """Without the second of a pair; what people have comes first, ascending."""
    return tuple(sorted({int(f) for f in features}, key=lambda f: (f < 0, f)))


def _cover(
    matrix: Matrix,
    model: Baseline,
    combos: Combinations,
    cuts: tuple[float, float],
    taken: Collection[tuple[int, ...]],
) -> list[_Picked]:
    """The best combination, then the best beyond what it explains, and so on down to a cut.

    After one is taken, its people are expected to convert as they were seen to; combinations
    that only shared its people fall below the cut. The second cut is that of discovery alone.
    """
    weight = np.where(combos.without, *reversed(_handicaps(combos)))
    rough = tail(combos.converted, combos.people, combos.expected) * weight
    rough[combos.converted < _FEWEST_CONVERSIONS] = 1.0
    pool = np.flatnonzero(rough <= _ROUGHEST)
    pool = pool[np.argsort(rough[pool], kind="stable")[:_MOST_POOLED]]
    if not len(pool):
        return []
    rules = [_rule(combos.features[at]) for at in pool]
    places = {rule: at for at, rule in enumerate(rules)}
    members = [matrix.members(rule) for rule in rules]
    who = _stacked(members, matrix.people)
    kept, weight = model.kept(members), weight[pool]
    k, n = combos.converted[pool].astype(np.float64), combos.people[pool].astype(np.float64)
    chances, mean = model.expected.copy(), combos.expected[pool].copy()
    p = _sharpened(k, n, mean, kept) * weight
    picked: list[_Picked] = []
    free = np.array([rule not in taken for rule in rules])
    while free.any() and len(picked) < _MOST_LISTED:
        p_now = np.where(free, p, 2.0)
        least = p_now.min()
        if least > cuts[0]:
            break
        # Among those that fit equally well, the shortest rule says the most.
        near = np.flatnonzero(p_now <= least * (1 + 1e-9))
        best = int(min(near, key=lambda at: (len(rules[at]), at)))
        free[best] = False
        plain = places.get(tuple(f for f in rules[best] if f >= 0), best)
        if plain != best and free[plain] and not _matters(k, mean, best, plain):
            best = plain
            free[best] = False
        tally = Tally(int(n[best]), int(k[best]), float(mean[best]), float(p[best] / weight[best]))
        picked.append((rules[best], tally, bool(p[best] <= cuts[1])))
        change = np.zeros(matrix.people)
        rows = members[best]
        change[rows] = raised(chances[rows], k[best]) - chances[rows]
        chances += change
        mean += who @ change
        p = _sharpened(k, n, mean, kept) * weight
    return picked


def _matters(k: Floats, mean: Floats, without: int, plain: int) -> bool:
    """Whether those whom "but not" takes away convert less than the others of the plain rule."""
    share = (mean[plain] - mean[without]) / max(float(mean[plain]), 1e-12)
    fewer = special.bdtr(k[plain] - k[without], int(k[plain]), min(max(float(share), 0.0), 1.0))
    return bool(fewer < _SURELY_FEWER)


def _sharpened(k: Floats, n: Floats, mean: Floats, kept: Floats) -> Floats:
    """`tail`, with the excess and its spread brought to the scale before the model took a part."""
    lower = k - (k - mean) / np.sqrt(kept)
    return tail(k.astype(np.int64), n, np.where(k > mean, np.maximum(lower, 1e-9), mean))


def raised(chances: Floats, wanted: float) -> Floats:
    """Chances with their log odds shifted alike, so that they add up to `wanted`."""
    odds = special.logit(np.clip(chances, 1e-9, 1 - 1e-9))
    wanted = min(wanted, len(chances) * 0.995)
    low, high = -8.0, 8.0
    for _ in range(30):
        middle = (low + high) / 2
        if special.expit(odds + middle).sum() < wanted:
            low = middle
        else:
            high = middle
    found: Floats = special.expit(odds + (low + high) / 2)
    return found


def _stacked(members: Sequence[NDArray[np.int32]], people: int) -> sparse.csr_array:
    start = np.concatenate([[0], np.cumsum([len(m) for m in members], dtype=np.int64)])
    rows = np.concatenate(members)
    return sparse.csr_array((np.ones(len(rows)), rows, start), shape=(len(members), people))


def _confirm(
    picked: list[tuple[tuple[int, ...], Tally]],
    alone: list[bool],
    later: Cohort,
    level: float,
    seed: int,
) -> list[Found]:
    """The short list on later outcomes, in the order in which it was found."""
    if not picked:
        return []
    members = [later.matrix.members(rule) for rule, _ in picked]
    if not later.converted.any() or later.converted.all():
        return [
            Found.of(rule, (first, None), None, "decayed" if strong else "unconfirmed")
            for (rule, first), strong in zip(picked, alone, strict=True)
        ]
    model = fit(later.matrix, later.converted, later.activity, rules=members, seed=seed)
    tallies = _against(model, later, members)
    adjusted = holm([t.p for t in tallies])
    judged = []
    for (rule, first), second, again, strong in zip(picked, tallies, adjusted, alone, strict=True):
        status = _status(first, second, strong=strong, confirmed=bool(again <= level))
        judged.append(Found.of(rule, (first, second), float(again), status))
    return judged


def _against(model: Baseline, cohort: Cohort, members: list[NDArray[np.int32]]) -> list[Tally]:
    """Figures of rules that are the model's last columns, expected as if they had no weight."""
    found: list[Tally] = []
    places = len(model.weights) - len(members)
    if not members:
        return found
    for at, (rows, left) in enumerate(zip(members, model.kept(members, own=True), strict=True)):
        k, n = float(cohort.converted[rows].sum()), len(rows)
        mean = float(model.without(rows, float(model.weights[places + at])).sum())
        lower = max(k - (k - mean) * float(np.sqrt(left)), 1e-9) if k > mean else mean
        found.append(Tally(n, int(k), mean, float(tail(int(k), n, lower))))
    return found


def _singles(
    hunt: _Hunt, later: Cohort | None, rules: Sequence[tuple[int, ...]], alpha: float
) -> tuple[tuple[Found, ...], int]:
    """Single features in the size band whose people convert beyond activity and all the others.

    Thresholds of one thing stand for each other: of each group the clearest is shown, held
    against everything but its own group.
    """
    whole = hunt.cohort
    least, most = hunt.band
    sizes = whole.matrix.sizes
    wanted = [f for f in range(whole.matrix.features) if least <= sizes[f] <= most]
    if not wanted:
        return (), 0
    cut = alpha / len(wanted)
    loosest = cut if later is None else max(min(_LOOSEST, 1 / len(wanted)), cut)
    tallies = _of_singles(whole, hunt, rules, wanted)
    clearest: dict[int, int] = {}
    for feature in sorted(wanted, key=lambda f: (tallies[f].p, f)):
        if tallies[feature].p <= loosest and tallies[feature].converted >= _FEWEST_CONVERSIONS:
            clearest.setdefault(int(hunt.groups[feature]), feature)
    listed = list(clearest.values())
    if later is None:
        return (
            tuple(Found((f,), tallies[f], None, None, "unconfirmed") for f in listed),
            len(wanted),
        )
    if not listed or not later.converted.any() or later.converted.all():
        return (), len(wanted)
    seconds = _of_singles(later, hunt, rules, listed)
    adjusted = holm([seconds[f].p for f in listed])
    found = []
    for feature, p in zip(listed, adjusted, strict=True):
        one, two = tallies[feature], seconds[feature]
        strong, sure = one.p <= cut, bool(p <= alpha)
        status = _status(one, two, strong=strong, confirmed=sure)
        found.append(Found((feature,), one, two, float(p), status))
    return tuple(f for f in found if f.status != "unconfirmed"), len(wanted)


def _of_singles(
    cohort: Cohort, hunt: _Hunt, rules: Sequence[tuple[int, ...]], wanted: Sequence[int]
) -> dict[int, Tally]:
    """Figures of single features, expected as if their group had no weight."""
    known = [cohort.matrix.members(rule) for rule in rules]
    model = fit(
        cohort.matrix,
        cohort.converted,
        cohort.activity,
        rules=known,
        bends=False,
        seed=hunt.seed,
    )
    of = np.asarray(hunt.groups)
    alike = [np.flatnonzero(of == of[f]) for f in wanted]
    weights, shares = model.alone(wanted, alike)
    found = {}
    for feature, weight, left in zip(wanted, weights, shares, strict=True):
        rows = cohort.matrix.column(feature)
        k, n = float(cohort.converted[rows].sum()), len(rows)
        mean = float(model.without(rows, weight).sum())
        lower = max(k - (k - mean) * float(np.sqrt(left)), 1e-9) if k > mean else mean
        found[feature] = Tally(n, int(k), mean, float(tail(int(k), n, lower)))
    return found


def _status(first: Tally, second: Tally, *, strong: bool, confirmed: bool) -> Status:
    """How a rule stands: found twice, found twice but weaker, found once, or not at all."""
    if not confirmed:
        return "decayed" if strong else "unconfirmed"
    # A drop beyond chance: two counts against their expectations, given their sum.
    k = first.converted + second.converted
    share = second.expected / max(first.expected + second.expected, 1e-12)
    fewer = special.bdtr(second.converted, k, share) if k else 1.0
    return "weaker" if fewer < 0.01 else "confirmed"  # noqa: PLR2004  one in a hundred


def halves(cohort: Cohort, *, seed: int = 0) -> tuple[Cohort, Cohort]:
    """Two random halves of the people, for want of a later time."""
    first = np.random.default_rng(seed).random(cohort.matrix.people) < 0.5  # noqa: PLR2004
    one, other = (
        Cohort(cohort.matrix.rows(part), cohort.converted[part], cohort.activity[part])
        for part in (first, ~first)
    )
    return one, other
