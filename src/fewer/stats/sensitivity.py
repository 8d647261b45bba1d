"""How strong something unseen would have to be to explain an association away."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from fewer.stats.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """E-values: of the ratio itself, and of the limit of its interval that is nearer to 1.

    Each is a ratio: something unseen would have to go with both the group and the outcome at least
    so strongly, beyond what is adjusted for. 1 means that nothing at all is needed.
    """

    value: float
    limit: float | None  # None: the ratio has no interval


def e_value(ratio: float) -> float:
    """The E-value of a ratio of two rates.

    Args:
        ratio: A ratio of risks, above 0, without unit; below 1 it is turned round.

    Returns:
        The smallest strength of an unseen common cause, as a ratio of risks, that could make the
        whole association; 1 for no association.

    Raises:
        ValueError: `ratio` is not above 0.

    Source:
        VanderWeele & Ding (2017), Annals of Internal Medicine 167, 268-274: ``RR + sqrt(RR (RR -
        1))``.

    Example:
        >>> round(e_value(3.9), 2), round(e_value(1.8), 2), e_value(1.0)
        (7.26, 3.0, 1.0)
    """
    if not ratio > 0:
        msg = f"a ratio is above 0, not {ratio}"
        raise ValueError(msg)
    up = ratio if ratio >= 1 else 1 / ratio
    return up + sqrt(up * (up - 1))


def sensitivity(estimate: Estimate) -> Sensitivity | None:
    """E-values of a ratio and of its interval; None without a ratio above 0.

    Example:
        >>> from fewer.stats.proportion import ratio
        >>> found = sensitivity(ratio([30], [100], [10], [100]).at(0))
        >>> round(found.value, 1), found.limit < found.value
        (5.4, True)
    """
    ratio = estimate.value
    if ratio is None or ratio <= 0:
        return None
    near = estimate.lower if ratio >= 1 else estimate.upper
    if near is None:
        return Sensitivity(e_value(ratio), None)
    clear = near > 1 if ratio >= 1 else near < 1
    return Sensitivity(e_value(ratio), e_value(near) if clear and near > 0 else 1.0)
