"""What conversion to expect of each person: activity and single features, no combination.

Any combination of actions selects active people, who convert more whatever they combined. Only
what goes beyond activity and the single features is worth a combination of its own. How activity
and single features combine is not taken for granted: their joint score, and the directions in
which people differ most, may bend what is expected (a saturating goal, kinds of people).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, special

from fewer.journey.discover.clusters import directions
from fewer.journey.discover.kernels import shared, together
from fewer.journey.discover.matrix import Flags, Floats, Matrix, from_rows

_MOST_CASES: Final = 40_000
_CURVED: Final = 100_000  # people who give the direction of a step, when there are many more
_CONTROLS: Final = 5  # non-converters for each converter
_RIDGE: Final = 1.0  # pull of a single feature to zero: one observation's worth
_STIFF: Final = 20.0  # pull of a bend to zero: a few conversions are no reason for one
_STEPS: Final = 15
_SMALL: Final = 1e-2  # gain of log likelihood at which the sample's fit is done
_SMALL_GAIN: Final = 0.1  # of log likelihood, at which another step on everyone is not worth it
_KNOTS: Final = (0.2, 0.5, 0.75, 0.9, 0.97)  # quantiles of activity where its slope may change
_MOST_ACTIVE: Final = 0.999  # quantile beyond which more activity counts no more (bots)
_BENDS: Final = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles among the expected converters
_DIRECTIONS: Final = 6  # at most; one for so many conversions and features:
_FOR_A_DIRECTION: Final = (200, 25)
_HIGHEST: Final = 0.995


_FULL_STEPS: Final = 3  # on everyone, after the sample
_LEAST_KEPT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted logistic model. `expected` is (people,), chances in (0, 1)."""

    expected: Floats
    weights: Floats  # log odds: (s,) of activity, (features,), then (rules,)
    fixed: Floats  # (people, s), the columns of activity
    design: sparse.csr_array  # (people, features + rules)
    bends: int = 0  # of the columns of activity, the last so many

    @property
    def rules(self) -> Floats:
        """Log odds of features and rules, without those of activity."""
        return self.weights[self.fixed.shape[1] :]

    def without(self, rows: NDArray[np.int32], weight: float) -> Floats:
        """Chances of some people if a rule that they fit had no weight of its own."""
        odds = special.logit(np.clip(self.expected[rows], 1e-12, 1 - 1e-12))
        found: Floats = special.expit(odds - weight)
        return found

    def only(self, kept: Flags) -> Baseline:
        """The same model, of some of the people."""
        rows = np.flatnonzero(kept)
        part = self.fixed[rows], self.design[rows]
        return Baseline(self.expected[rows], self.weights, *part, self.bends)

    def alone(
        self, wanted: Sequence[int], alike: Sequence[NDArray[np.intp]]
    ) -> tuple[Floats, Floats]:
        """Weights of single features if the others of their group had none, and what they keep.

        Args:
            wanted: Numbers of features.
            alike: For each the features of its group, itself among them, ascending.

        To first order: the group's efficient score, of which the feature takes what it can.
        """
        weight = self.expected * (1 - self.expected)
        curve = _curve(self.fixed, self.design, weight)
        own = np.diag(curve).copy()
        curve[np.diag_indices_from(curve)] += _penalty(self.fixed, self.design, self.bends)
        inverse = np.linalg.inv(curve)
        first = self.fixed.shape[1]
        weights, shares = np.zeros(len(wanted)), np.ones(len(wanted))
        for at, (feature, group) in enumerate(zip(wanted, alike, strict=True)):
            places = group + first
            sharp = np.linalg.inv(inverse[np.ix_(places, places)])
            place = int(np.searchsorted(group, feature))
            score = float(sharp[place] @ self.weights[places])
            weights[at] = score / sharp[place, place]
            shares[at] = sharp[place, place] / max(own[feature + first], 1e-12)
        return weights, np.clip(shares, _LEAST_KEPT, 1.0)

    def kept(self, rules: list[NDArray[np.int32]], *, own: bool = False) -> Floats:
        """For each rule, the share of its excess that single features and activity left standing.

        Args:
            rules: Rows of the people of each.
            own: The rules are the model's last columns: each is held against all the others.

        The model was fitted with the rule's own people in it, so a part of what they did beyond
        it went into its coefficients: what is left is ``kept`` times the excess, with ``kept``
        times its variance (the efficient score; Cox & Hinkley 1974, ch. 9).
        """
        weight = self.expected * (1 - self.expected)
        curve = _curve(self.fixed, self.design, weight)
        curve[np.diag_indices_from(curve)] += _penalty(self.fixed, self.design, self.bends)
        inverse = np.linalg.inv(curve)
        common, alone = shared(rules, self.design, self.fixed, weight)
        alone = np.maximum(alone, 1e-12)
        if own:  # the variance of a coefficient is one over its information given all others
            places = np.arange(len(curve) - len(rules), len(curve))
            return np.asarray(np.clip(1 / (inverse[places, places] * alone), _LEAST_KEPT, 1.0))
        taken = ((common @ inverse) * common).sum(axis=1)
        return np.asarray(np.clip(1 - taken / alone, _LEAST_KEPT, 1.0))


def _curve(fixed: Floats, design: sparse.csr_array, weight: Floats) -> Floats:
    """Information of all coefficients, without the ridge."""
    weighted = fixed * weight[:, None]
    corner = fixed.T @ weighted
    side = np.asarray(design.T @ weighted)
    return np.block([[corner, side.T], [side, together(design, weight)]])


def fit(
    matrix: Matrix,
    converted: Flags,
    activity: Floats,
    *,
    rules: Sequence[NDArray[np.int32]] = (),
    like: Baseline | None = None,
    bends: bool = True,
    seed: int = 0,
) -> Baseline:
    """Chance to convert of every person, from activity and single features.

    Args:
        matrix: Who has which feature, known before the outcome.
        converted: (people,) whether each converted.
        activity: (people,) or (people, k) counts of activity before the outcome, at least 0.
        rules: Rows of the people of rules that are known to matter: columns of their own.
        like: An earlier fit of the same people with other rules, to begin from.
        bends: False: single features add up, so that each weight is the feature's own.
        seed: Of the sample of non-converters.

    The model is logistic in the features and in broken lines of log activity, of the score that
    these give, and of the directions in which people differ most (see `_bent`).
    It is fitted by Newton's method on all converters (40,000 at most) and five times as many
    others; the intercept is corrected for the shares sampled (Prentice & Pyke 1979,
    Biometrika 66, 403-411); then a few steps on everyone, so that sampling leaves no error.
    """
    design = own = matrix.csr()
    if rules:
        design = sparse.hstack([own, from_rows(rules, matrix.people).csr()], format="csr")
    smooth, bent_columns = _activity(activity, matrix.counts), 0
    if like is None:
        sample = _Sample.drawn(converted, np.random.default_rng(seed))
        cut = smooth.shape[1]
        weights = sample.fit(smooth, design, np.zeros(cut + design.shape[1]))
        if bends:
            score = np.asarray(smooth @ weights[:cut] + own @ weights[cut : cut + own.shape[1]])
            bent = _bent(score, matrix, _directions(converted, matrix), seed)
            bent_columns = bent.shape[1]
            weights = np.insert(weights, [cut] * bent_columns, 0.0)
            smooth = np.concatenate([smooth.T, bent.T]).T
            weights = sample.fit(smooth, design, weights, bent_columns)
        weights[0] -= sample.shift
    else:
        smooth, bent_columns = like.fixed, like.bends
        kept = like.weights[: smooth.shape[1] + own.shape[1]]
        weights = np.pad(kept, (0, len(rules)))
    everyone = _Newton(smooth, design, converted.astype(np.float64), bent_columns)
    weights, line = everyone.climbed(weights, _FULL_STEPS, _SMALL_GAIN)
    chances = np.clip(special.expit(line), 1e-9, _HIGHEST)
    return Baseline(chances, weights, smooth, design, bent_columns)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows of converters and of some of the others, and what the shares do to the intercept."""

    rows: NDArray[np.intp]
    wanted: Floats
    shift: float

    @classmethod
    def drawn(cls, converted: Flags, rng: np.random.Generator) -> _Sample:
        cases, controls = _sampled(converted, rng)
        total = int(converted.sum())
        shift = np.log(len(cases) / total) - np.log(len(controls) / (len(converted) - total))
        rows = np.concatenate([cases, controls])
        wanted = np.concatenate([np.ones(len(cases)), np.zeros(len(controls))])
        return cls(rows, wanted, float(shift))

    def fit(
        self, smooth: Floats, features: sparse.csr_array, weights: Floats, bends: int = 0
    ) -> Floats:
        """Coefficients of the sample, its own intercept among them."""
        newton = _Newton(smooth[self.rows], features[self.rows], self.wanted, bends)
        found, _ = newton.climbed(weights, _STEPS, _SMALL)
        return found


def _penalty(smooth: Floats, features: sparse.csr_array, bends: int) -> Floats:
    first = smooth.shape[1]
    found = np.full(first + features.shape[1], _RIDGE)
    found[:first], found[0] = 1e-3, 0.0
    found[first - bends : first] = _STIFF
    return found


def _directions(converted: Flags, matrix: Matrix) -> int:
    """How many directions the data can tell apart: with few things, they are the combinations."""
    conversions, features = _FOR_A_DIRECTION
    return min(_DIRECTIONS, int(converted.sum()) // conversions, matrix.features // features)


def _bent(score: Floats, matrix: Matrix, wanted: int, seed: int) -> Floats:
    """Columns by which activity and single features may combine otherwise than by their sum.

    First the score of a plain fit, as a broken line: whatever function of the score the chance
    is (a single-index model; Ichimura 1993, Journal of Econometrics 58), the line follows it.
    Then broken lines along the `wanted` directions in which people differ most: kinds of people.
    """
    rng = np.random.default_rng(seed)
    ordered = np.sort(_some(score, rng))
    mass = np.cumsum(special.expit(ordered))
    knots = ordered[np.searchsorted(mass, np.array(_BENDS) * mass[-1])]
    columns = [np.maximum(score - knot, 0.0) for knot in np.unique(knots)]
    return np.stack([*columns, *_kinds(matrix, wanted, rng)]).T


def _some(values: Floats, rng: np.random.Generator) -> Floats:
    """Enough of the values for quantiles."""
    return values if len(values) <= _CURVED else values[rng.integers(0, len(values), _CURVED)]


def _kinds(matrix: Matrix, wanted: int, rng: np.random.Generator) -> list[Floats]:
    """Broken lines along the directions in which people differ most."""
    found: list[Floats] = []
    if not wanted:
        return found
    for along in directions(matrix, wanted, rng).T:
        spread = float(along.std())
        if spread > 1e-9:  # noqa: PLR2004  everyone is alike
            scaled = (along - along.mean()) / spread
            low, high = np.quantile(_some(scaled, rng), (0.5, 0.9))
            found += [scaled, np.maximum(scaled - low, 0.0), np.maximum(scaled - high, 0.0)]
    return found


@dataclass(slots=True)
class _Newton:
    """Newton's method for the penalised likelihood; steps that make it worse are shortened."""

    smooth: Floats  # (people, s)
    features: sparse.csr_array  # (people, f)
    wanted: Floats  # (people,) 0 or 1
    bends: int = 0

    def climbed(self, weights: Floats, steps: int, small: float) -> tuple[Floats, Floats]:
        """Coefficients, and the log odds they give; ends when a step gains less than `small`."""
        across = self.features.T.tocsr()
        penalty = _penalty(self.smooth, self.features, self.bends)
        rows, worth_each = self._thinned()
        part = self.smooth[rows], self.features[rows]
        line = self._line(weights)
        value = _loss(line, self.wanted, weights, penalty)
        for _ in range(steps):
            chance = special.expit(line)
            left = self.wanted - chance
            slope = np.concatenate([self.smooth.T @ left, across @ left]) - penalty * weights
            curve = _curve(*part, np.maximum(chance * (1 - chance), 1e-9)[rows] * worth_each)
            curve[np.diag_indices_from(curve)] += penalty + 1e-9
            step = linalg.solve(curve, slope, assume_a="pos")
            gain = float(slope @ step)
            for factor in (1.0, 0.5, 0.1, 0.01):
                trial = weights + factor * step
                moved = self._line(trial)
                worth = _loss(moved, self.wanted, trial, penalty)
                if worth <= value + 1e-9:
                    weights, line, value = trial, moved, worth
                    break
            if gain < small:
                break
        return weights, line

    def _thinned(self) -> tuple[NDArray[np.intp] | slice, Floats]:
        """Rows that give the curvature, and for how many each stands: a step need not be exact."""
        others = np.flatnonzero(self.wanted == 0)
        if len(others) <= 2 * _CURVED:
            return slice(None), np.ones(len(self.wanted))
        some = others[:: len(others) // _CURVED]
        cases = np.flatnonzero(self.wanted)
        each = np.concatenate([np.ones(len(cases)), np.full(len(some), len(others) / len(some))])
        return np.concatenate([cases, some]), each

    def _line(self, weights: Floats) -> Floats:
        cut = self.smooth.shape[1]
        return np.asarray(self.smooth @ weights[:cut] + self.features @ weights[cut:])


def _activity(activity: Floats, counts: NDArray[np.int64]) -> Floats:
    """Columns of the model that only know how active a person was; the first is constant."""
    given = np.atleast_2d(np.asarray(activity, np.float64).T)
    columns = [np.ones(given.shape[1])]
    for raw in (*given, counts.astype(np.float64)):
        logs = np.log1p(np.maximum(raw, 0.0))
        part = np.sort(_some(logs, np.random.default_rng(0)))
        logs = np.minimum(logs, np.quantile(part, _MOST_ACTIVE))
        spread = float(logs.std())
        if spread < 1e-9:  # noqa: PLR2004  everyone is equally active
            continue
        scaled = (logs - logs.mean()) / spread
        columns.append(scaled)
        knots = np.unique((np.quantile(part, _KNOTS) - logs.mean()) / spread)
        columns += [np.maximum(scaled - k, 0.0) for k in knots if scaled.min() < k < scaled.max()]
    return np.stack(columns).T


def _sampled(
    converted: Flags, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of converters and of others, each ascending."""
    cases, others = np.flatnonzero(converted), np.flatnonzero(~converted)
    some = rng.choice(cases, min(len(cases), _MOST_CASES), replace=False)
    controls = rng.choice(others, min(len(others), _CONTROLS * len(some)), replace=False)
    return np.sort(some), np.sort(controls)


def _loss(line: Floats, wanted: Floats, beta: Floats, penalty: Floats) -> float:
    return float(np.logaddexp(0.0, line).sum() - wanted @ line + 0.5 * (penalty * beta) @ beta)
