"""Estimates with intervals: what every function of this package returns.

Arithmetic is done on whole arrays, one element a segment. Where a number or a limit does
not exist the array holds NaN (no such thing) or infinity (no limit on that side), and `why`
says the reason; a lower limit above the upper one means everything outside of the two.
`Estimates.at` turns one element into an `Estimate`, in which a missing number is None and
`state` says so in words. Nothing shown to people is read from the arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Flags = NDArray[np.bool_]


class State(StrEnum):
    """Which numbers of an estimate exist."""

    BOUNDED = "bounded"
    UNBOUNDED_ABOVE = "unbounded above"
    UNBOUNDED_BELOW = "unbounded below"
    UNBOUNDED = "unbounded"
    TWO_RAYS = "two rays"
    NO_INTERVAL = "no interval"
    UNDEFINED = "undefined"


class Why(IntEnum):
    """Why a value or a limit does not exist."""

    FINE = 0
    NO_PEOPLE = 1
    NONE_IN_COMPARISON = 2
    NONE_AT_ALL = 3
    TOO_FEW_EXPECTED = 4
    TOO_FEW_VALUES = 5
    TOO_FEW_CLUSTERS = 6
    NO_DENOMINATOR = 7
    NO_NUMERATOR = 8
    NO_OVERLAP = 9
    ANY_VALUE = 10
    TWO_RAYS = 11
    TOO_FEW_EVENTS = 12
    TOO_FEW_SEGMENTS = 13
    NO_VARIATION = 14
    NOT_POSITIVE = 15
    TOO_FEW_PAIRS = 16

    @property
    def words(self) -> str:
        """The reason as a clause; empty when nothing is missing."""
        return _WHY[self]


_WHY = {
    Why.FINE: "",
    Why.NO_PEOPLE: "no people in one of the groups",
    Why.NONE_IN_COMPARISON: "none in the comparison group, so the ratio has no upper limit",
    Why.NONE_AT_ALL: "none in either group",
    Why.TOO_FEW_EXPECTED: "less than one expected in the smaller group",
    Why.TOO_FEW_VALUES: "too few people with a value for an interval of a mean",
    Why.TOO_FEW_CLUSTERS: "too few days or groups for an interval",
    Why.NO_DENOMINATOR: "nothing to divide by",
    Why.NO_NUMERATOR: "nothing above the line",
    Why.NO_OVERLAP: "no stratum holds people of both groups",
    Why.ANY_VALUE: "what it is divided by can't be told from zero, so any value is possible",
    Why.TWO_RAYS: "what it is divided by can't be told from zero",
    Why.TOO_FEW_EVENTS: "too few events so far for an interval that holds at every look",
    Why.TOO_FEW_SEGMENTS: "too few segments with an estimate",
    Why.NO_VARIATION: "nothing varies, so there is nothing to estimate an error from",
    Why.NOT_POSITIVE: "an average is not positive, so there is no ratio",
    Why.TOO_FEW_PAIRS: "too few pairs of regions or slots for an interval",
}


class Method(IntEnum):
    """How an interval was made; two elements of one array can differ."""

    WILSON = 0
    NEWCOMBE = 1
    LOG_RATIO = 2
    SCORE_RATIO = 3
    WELCH = 4
    WELCH_LOG = 5
    CLUSTER_LOG = 6
    POISSON = 7
    MANTEL_HAENSZEL = 8
    MIETTINEN_NURMINEN = 9
    FIELLER = 10
    LOG_DELTA = 11
    DELTA = 12
    CUPED = 13
    CUPED_LOG = 14
    SEQUENCE = 15
    FIXED_EFFECT = 16
    RANDOM_EFFECTS = 17
    EMPIRICAL_BAYES = 18
    BETA = 19
    GAMMA = 20
    POSTERIOR = 21
    MANTEL_HAENSZEL_DIFFERENCE = 22
    PAIRED_T = 23
    SIGN_FLIPS = 24

    @property
    def words(self) -> str:
        """Name as printed beside a figure."""
        return _METHOD[self]


_METHOD = {
    Method.WILSON: "Wilson",
    Method.NEWCOMBE: "Newcombe",
    Method.LOG_RATIO: "log ratio, 0.5 added",
    Method.SCORE_RATIO: "score (Koopman)",
    Method.WELCH: "Welch",
    Method.WELCH_LOG: "log ratio of means (Welch)",
    Method.CLUSTER_LOG: "log ratio of sums, clustered",
    Method.POISSON: "exact Poisson",
    Method.MANTEL_HAENSZEL: "Mantel-Haenszel (Greenland-Robins)",
    Method.MIETTINEN_NURMINEN: "score (Miettinen-Nurminen)",
    Method.FIELLER: "Fieller",
    Method.LOG_DELTA: "log ratio of sums, by person",
    Method.DELTA: "difference of ratios of sums, by person",
    Method.CUPED: "Welch, adjusted for the time before (CUPED)",
    Method.CUPED_LOG: "log ratio, adjusted for the time before (CUPED)",
    Method.SEQUENCE: "confidence sequence, valid at every look",
    Method.FIXED_EFFECT: "pooled, fixed effect (inverse variance)",
    Method.RANDOM_EFFECTS: "pooled, random effects (Hartung-Knapp)",
    Method.EMPIRICAL_BAYES: "empirical Bayes, robust interval",
    Method.BETA: "beta-binomial posterior",
    Method.GAMMA: "gamma-Poisson posterior",
    Method.POSTERIOR: "normal posterior",
    Method.MANTEL_HAENSZEL_DIFFERENCE: "Mantel-Haenszel (Sato)",
    Method.PAIRED_T: "paired t over pairs of regions or slots",
    Method.SIGN_FLIPS: "exact, by drawing the pairs again",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its interval; None where a number does not exist, never NaN.

    `upper` None beside state ``unbounded above`` means no upper limit. In state ``two rays``
    both limits are None and `why` names the values left out. `p` is two-sided.
    """

    value: float | None
    lower: float | None
    upper: float | None
    p: float | None
    state: State
    why: str
    method: str
    confidence: float

    def excludes(self, null: float) -> bool:
        """Whether the interval exists and leaves out `null` (0 for a difference, 1 for a ratio)."""
        return (self.lower is not None and self.lower > null) or (
            self.upper is not None and self.upper < null
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
            "p": self.p,
            "state": self.state.value,
            "why": self.why,
            "method": self.method,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Estimates:
    """Arrays of one shape: values, limits, two-sided p-values, reasons and methods.

    >>> two = estimates([0.5, np.nan], [0.4, np.nan], [0.6, np.inf], method=Method.WILSON)
    >>> two.at(0).value, two.at(1).value, two.at(1).state.value
    (0.5, None, 'undefined')
    """

    value: Floats
    lower: Floats
    upper: Floats
    p: Floats
    why: Codes
    method: Codes
    confidence: float

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Estimate]:
        return (self.at(i) for i in range(len(self)))

    def at(self, *index: int) -> Estimate:
        """The element at `index` as one number with its interval."""
        value, lower, upper = (float(a[index]) for a in (self.value, self.lower, self.upper))
        state, why = _state(value, lower, upper), Why(int(self.why[index])).words
        if state is State.TWO_RAYS:  # a lower above an upper would be read as an interval
            why = f"{why}: at most {upper:.4g} or at least {lower:.4g}"
            lower = upper = math.nan
        return Estimate(
            _finite(value),
            _finite(lower),
            _finite(upper),
            _finite(float(self.p[index])),
            state,
            why,
            Method(int(self.method[index])).words,
            self.confidence,
        )

    def placed(self, there: Flags, others: Estimates) -> Estimates:
        """These, with `others` put in where `there` is true, in order."""

        def put(array: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
            mixed = array.copy()
            mixed[there] = other
            return mixed

        return Estimates(
            put(self.value, others.value),
            put(self.lower, others.lower),
            put(self.upper, others.upper),
            put(self.p, others.p),
            put(self.why, others.why),
            put(self.method, others.method),
            self.confidence,
        )

    def without_interval(self, drop: Flags, why: Why) -> Estimates:
        """The same with the interval and the p-value taken away where `drop`, for the reason."""
        return Estimates(
            self.value,
            np.where(drop, np.nan, self.lower),
            np.where(drop, np.nan, self.upper),
            np.where(drop, np.nan, self.p),
            np.where(drop & (~np.isnan(self.lower) | (self.why == Why.FINE)), why, self.why).astype(
                np.uint8
            ),
            self.method,
            self.confidence,
        )


def estimates(
    value: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    method: Method,
    p: ArrayLike = math.nan,
    why: ArrayLike = Why.FINE,
    confidence: float = 0.95,
) -> Estimates:
    """Put arrays together, broadcast to the shape of `value`."""
    centre = np.asarray(value, dtype=np.float64)

    def like(array: ArrayLike, dtype: Any) -> Any:
        return np.broadcast_to(np.asarray(array, dtype=dtype), centre.shape).copy()

    return Estimates(
        centre,
        like(lower, np.float64),
        like(upper, np.float64),
        like(p, np.float64),
        like(why, np.uint8),
        like(method, np.uint8),
        confidence,
    )


def normal_quantile(confidence: float) -> float:
    """Two-sided standard normal quantile: 1.96 for 0.95; ValueError outside (0, 1)."""
    if not 0 < confidence < 1:
        msg = f"confidence is a fraction between 0 and 1, not {confidence}"
        raise ValueError(msg)
    return float(special.ndtri(0.5 + confidence / 2))


def counts(k: ArrayLike, n: ArrayLike, what: str = "converted") -> tuple[Floats, Floats]:
    """Two arrays of counts, checked: whole, ``0 <= k <= n``; ValueError otherwise."""
    some, of = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, np.float64))
    if not (np.isfinite(some).all() and np.isfinite(of).all()):
        msg = f"{what} and people must be finite numbers"
        raise ValueError(msg)
    if (some < 0).any() or (some > of).any() or (some % 1).any() or (of % 1).any():
        msg = f"{what} must be whole numbers from 0 to the number of people"
        raise ValueError(msg)
    return some, of


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _state(value: float, lower: float, upper: float) -> State:
    if math.isnan(lower) or math.isnan(upper):
        return State.UNDEFINED if not math.isfinite(value) else State.NO_INTERVAL
    if lower > upper:
        return State.TWO_RAYS
    if math.isinf(upper):
        return State.UNBOUNDED if math.isinf(lower) else State.UNBOUNDED_ABOVE
    return State.UNBOUNDED_BELOW if math.isinf(lower) else State.BOUNDED
