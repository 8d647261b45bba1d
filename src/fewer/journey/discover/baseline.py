"""What conversion to expect of each person: activity and single features, no combination.

Any combination of actions selects active people, who convert more whatever they combined. Only
what goes beyond activity and the single features is worth a combination of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from fewer.journey.discover.kernels import shared, together
from fewer.journey.discover.matrix import Flags, Floats, Matrix, from_rows

_MOST_CASES: Final = 60_000
_CONTROLS: Final = 5  # non-converters for each converter
_RIDGE: Final = 1.0  # pull of a single feature to zero: one observation's worth
_STEPS: Final = 25
_SMALL: Final = 1e-4  # change of coefficients at which the sample's fit is done
_SMALL_GAIN: Final = 0.1  # of log likelihood, at which another step on everyone is not worth it
_KNOTS: Final = (0.5, 0.8, 0.95)  # quantiles of activity where its slope may change
_HIGHEST: Final = 0.995


_FULL_STEPS: Final = 2  # on everyone, after the sample
_LEAST_KEPT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted logistic model. `expected` is (people,), chances in (0, 1)."""

    expected: Floats
    weights: Floats  # log odds: (s,) of activity, (features,), then (rules,)
    fixed: Floats  # (people, s), the columns of activity
    design: sparse.csr_array  # (people, features + rules)

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
        return Baseline(self.expected[rows], self.weights, self.fixed[rows], self.design[rows])

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
        curve[np.diag_indices_from(curve)] += _RIDGE
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
    seed: int = 0,
) -> Baseline:
    """Chance to convert of every person, from activity and single features.

    Args:
        matrix: Who has which feature, known before the outcome.
        converted: (people,) whether each converted.
        activity: (people,) or (people, k) counts of activity before the outcome, at least 0.
        rules: Rows of the people of rules that are known to matter: columns of their own.
        like: An earlier fit of the same people with fewer rules, to begin from.
        seed: Of the sample of non-converters.

    The model is logistic in the features and in a broken line of log activity with its square.
    It is fitted by Newton's method on all converters (60,000 at most) and five times as many
    others; the intercept is corrected for the shares sampled (Prentice & Pyke 1979,
    Biometrika 66, 403-411); then a few steps on everyone, so that sampling leaves no error.
    """
    smooth = like.fixed if like else _activity(activity, matrix.counts)
    features = matrix.csr()
    if rules:
        features = sparse.hstack([features, from_rows(rules, matrix.people).csr()], format="csr")
    penalty = np.full(smooth.shape[1] + features.shape[1], _RIDGE)
    penalty[: smooth.shape[1]], penalty[0] = 1e-3, 0.0
    weights = np.zeros(len(penalty))
    if like:
        weights[: len(like.weights)] = like.weights
    else:
        weights = _from_sample(smooth, features, converted, penalty, seed)
    return _polished(smooth, features, converted, penalty, weights)


def _from_sample(
    smooth: Floats, features: sparse.csr_array, converted: Flags, penalty: Floats, seed: int
) -> Floats:
    """Coefficients from all converters and some of the others."""
    cases, controls = _sampled(converted, np.random.default_rng(seed))
    total = int(converted.sum())
    shift = np.log(len(cases) / total) - np.log(len(controls) / (len(converted) - total))
    rows = np.concatenate([cases, controls])
    design = sparse.hstack([sparse.csr_array(smooth[rows]), features[rows]], format="csr")
    wanted = np.concatenate([np.ones(len(cases)), np.zeros(len(controls))])
    weights = _newton(design.astype(np.float64), wanted, penalty, np.zeros(len(penalty)))
    weights[0] -= shift
    return weights


def _polished(
    smooth: Floats,
    features: sparse.csr_array,
    converted: Flags,
    penalty: Floats,
    weights: Floats,
) -> Baseline:
    """The fit on everyone, a few steps from where the sample left it."""
    y, cut = converted.astype(np.float64), smooth.shape[1]
    across = features.T.tocsr()

    def line_of(beta: Floats) -> Floats:
        return np.asarray(smooth @ beta[:cut] + features @ beta[cut:])

    line = line_of(weights)
    value = _loss(line, y, weights, penalty)
    for _ in range(_FULL_STEPS):
        chance = special.expit(line)
        left = y - chance
        slope = np.concatenate([smooth.T @ left, across @ left]) - penalty * weights
        curve = _curve(smooth, features, np.maximum(chance * (1 - chance), 1e-9))
        curve[np.diag_indices_from(curve)] += penalty + 1e-9
        step = np.linalg.solve(curve, slope)
        gain = float(slope @ step)
        for factor in (1.0, 0.5, 0.1):
            trial = weights + factor * step
            moved = line_of(trial)
            worth = _loss(moved, y, trial, penalty)
            if worth <= value + 1e-9:
                weights, line, value = trial, moved, worth
                break
        if gain < _SMALL_GAIN:
            break
    chances = np.clip(special.expit(line), 1e-9, _HIGHEST)
    return Baseline(chances, weights, smooth, features)


def _activity(activity: Floats, counts: NDArray[np.int64]) -> Floats:
    """Columns of the model that only know how active a person was; the first is constant."""
    given = np.atleast_2d(np.asarray(activity, np.float64).T)
    columns = [np.ones(given.shape[1])]
    for raw in (*given, counts.astype(np.float64)):
        logs = np.log1p(np.maximum(raw, 0.0))
        spread = float(logs.std())
        if spread < 1e-9:  # noqa: PLR2004  everyone is equally active
            continue
        scaled = (logs - logs.mean()) / spread
        columns += [scaled, scaled**2]
        for knot in np.unique(np.quantile(scaled, _KNOTS)):
            columns.append(np.maximum(scaled - knot, 0.0))
    return np.column_stack(columns)


def _sampled(
    converted: Flags, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of converters and of others, each ascending."""
    cases, others = np.flatnonzero(converted), np.flatnonzero(~converted)
    some = rng.choice(cases, min(len(cases), _MOST_CASES), replace=False)
    controls = rng.choice(others, min(len(others), _CONTROLS * len(some)), replace=False)
    return np.sort(some), np.sort(controls)


def _newton(design: sparse.csr_array, wanted: Floats, penalty: Floats, beta: Floats) -> Floats:
    """Coefficients of the largest penalised likelihood; steps that make it worse are halved."""
    across = design.T.tocsr()
    line = design @ beta
    value = _loss(line, wanted, beta, penalty)
    for _ in range(_STEPS):
        chance = special.expit(line)
        weight = np.maximum(chance * (1 - chance), 1e-9)
        slope = across @ (wanted - chance) - penalty * beta
        curve = (across @ (sparse.diags_array(weight) @ design)).toarray()
        curve[np.diag_indices_from(curve)] += penalty + 1e-9
        step = np.linalg.solve(curve, slope)
        factor = 1.0
        while factor > 1e-4:  # noqa: PLR2004  a step that small changes nothing
            trial = beta + factor * step
            moved = design @ trial
            worth = _loss(moved, wanted, trial, penalty)
            if worth <= value + 1e-9:
                beta, line, value = trial, moved, worth
                break
            factor /= 2
        if np.abs(factor * step).max() < _SMALL * (1 + np.abs(beta).max()):
            break
    return beta


def _loss(line: Floats, wanted: Floats, beta: Floats, penalty: Floats) -> float:
    return float(np.logaddexp(0.0, line).sum() - wanted @ line + 0.5 * (penalty * beta) @ beta)
