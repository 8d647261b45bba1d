"""Conventions of others that the product does not offer: they check our sums."""

import numpy as np
from scipy import special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep


def relative_linear(first, second):
    """Relative change with the linear delta error, and Welch's degrees of freedom."""
    change = first.mean / second.mean - 1
    parts = first.error / second.mean**2, second.error * first.mean**2 / second.mean**4
    free = (first.error + second.error) ** 2 / (
        first.error**2 / (first.n - 1) + second.error**2 / (second.n - 1)
    )
    return float(change[0]), float(np.sqrt(parts[0] + parts[1])[0]), float(free[0])


def wald_difference(k1, n1, k2, n2, z):
    p1, p2 = k1 / n1, k2 / n2
    reach = z * np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return p1 - p2 - reach, p1 - p2 + reach


def log_ratio_plain(k1, n1, k2, n2, z):
    centre = np.log((k1 / n1) / (k2 / n2))
    reach = z * np.sqrt(1 / k1 - 1 / n1 + 1 / k2 - 1 / n2)
    return np.exp(centre - reach), np.exp(centre + reach)


def logit_adjusted(k1, n1, k2, n2, z):
    a, b, c, d = k1 + 0.5, n1 - k1 + 0.5, k2 + 0.5, n2 - k2 + 0.5
    reach = z * np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return np.exp(np.log(a * d / (b * c)) - reach), np.exp(np.log(a * d / (b * c)) + reach)


def score_odds_ratio(k1, n1, k2, n2):
    return confint_proportions_2indep(k1, n1, k2, n2, compare="odds-ratio", method="score")


def z_with_continuity(k1, n1, k2, n2):
    """Two-proportion z with Yates' correction: p, and the two intervals as tea-tasting has them."""
    p1, p2 = k1 / n1, k2 / n2
    pooled = (k1 + k2) / (n1 + n2)
    fix = min(0.5 * (1 / n1 + 1 / n2), abs(p1 - p2))
    error = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return 2 * special.ndtr(-(abs(p1 - p2) - fix) / error)


def poisson_tests(k1, e1, k2, e2):
    r1, r2 = k1 / e1, k2 / e2
    scores = {
        "wald": (r1 - r2) / np.sqrt(k1 / e1**2 + k2 / e2**2),
        "wald-log": np.log(r1 / r2) / np.sqrt(1 / k1 + 1 / k2),
        "sqrt": 2
        * (np.sqrt(k1 + 3 / 8) - np.sqrt((e1 / e2) * (k2 + 3 / 8)))
        / np.sqrt(1 + e1 / e2),
    }
    return {name: float(2 * stats.norm.sf(abs(z))) for name, z in scores.items()}


def hochberg_sidak(p):
    p = np.asarray(p)
    order = np.argsort(p)
    raised = 1 - (1 - p[order]) ** (p.size - np.arange(p.size))
    out = np.empty_like(p)
    out[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return out


def two_stage(p, level):
    return int(multipletests(p, alpha=level, method="fdr_tsbky")[0].sum())
