"""The coverage table of docs/statistics.md: `python tests/stats/coverage_table.py` writes it."""

import math
import sys
from pathlib import Path

import numpy as np
from scipy import special

from fewer.stats.mean import Moments, mean_difference, mean_ratio
from fewer.stats.proportion import difference, log_ratio, ratio, score_ratio
from fewer.stats.score_difference import score_difference
from fewer.stats.sums import Sums
from fewer.stats.user_ratio import user_ratio, user_ratio_ratio

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
START, END = "<!-- coverage -->", "<!-- end of coverage -->"
SIZES, RATES, RATIO = (100, 250, 1000, 2000), (0.005, 0.01, 0.02, 0.05, 0.1), 1.26
WORLDS = 40_000
Z = special.ndtri(0.975)


def covered(lower, upper, truth):
    """Percent of the intervals that exist which hold the truth; NaN where under 1 % exist."""
    there = ~(np.isnan(lower) | np.isnan(upper))
    if there.mean() < 0.01:
        return math.nan
    return 100 * ((lower <= truth) & (truth <= upper))[there].mean()


def of(found, truth):
    return covered(found.lower, found.upper, truth)


def wald(k1, n1, k2, n2):
    p1, p2 = k1 / n1, k2 / n2
    reach = Z * np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return p1 - p2 - reach, p1 - p2 + reach


def linear(k1, n1, k2, n2):
    """Relative change with a linear delta interval: what most tools show."""
    p1, p2 = k1 / n1, k2 / n2
    with np.errstate(divide="ignore", invalid="ignore"):
        value = p1 / p2
        error = np.sqrt(p1 * (1 - p1) / n1 + value**2 * p2 * (1 - p2) / n2) / p2
    # Undefined without a conversion in the comparison: counted as a miss, as a reader would.
    lower, upper = value - Z * error, value + Z * error
    return np.where(k2 > 0, lower, np.inf), np.where(k2 > 0, upper, -np.inf)


def row(n, base, rest, worlds=WORLDS):
    """Coverage of each method, in percent, for one cell."""
    rng = np.random.default_rng([n, round(base * 1e6), rest])
    k1, k2 = rng.binomial(n, base * RATIO, worlds), rng.binomial(n * rest, base, worlds)
    table = k1, np.full(worlds, n), k2, np.full(worlds, n * rest)
    gap = base * (RATIO - 1)
    return [
        of(difference(*table), gap),
        of(score_difference(*table), gap),
        of(ratio(*table), RATIO),
        of(log_ratio(*table), RATIO),
        of(score_ratio(*table), RATIO),
        covered(*wald(*table), gap),
        covered(*linear(*table), RATIO),
    ]


def spend(n, base, skew, worlds=8000):
    """Coverage of the difference and the ratio of amounts a person."""
    rng = np.random.default_rng([n, round(base * 1e6), round(skew * 10)])
    groups = []
    for _ in range(2):
        buyers = rng.binomial(n, base, worlds)
        x = rng.lognormal(-(skew**2) / 2, skew, (worlds, buyers.max()))
        x *= np.arange(buyers.max()) < buyers[:, None]
        groups.append(
            Moments(np.full(worlds, float(n)), x.sum(1), (x**2).sum(1), buyers.astype(float))
        )
    return [of(mean_difference(*groups), 0.0), of(mean_ratio(*groups), 1.0)]


def order_value(buyers, skew, worlds=4000):
    """Coverage of spend per order: of one group, and of the ratio of two."""
    rng = np.random.default_rng([buyers, round(skew * 10)])
    groups = []
    for _ in range(2):
        orders = 1.0 + rng.poisson(0.4, (worlds, buyers))
        x = orders * rng.lognormal(-(skew**2) / 2, skew, orders.shape)
        both = (x * orders).sum(1)
        products = [[(x * x).sum(1), both], [both, (orders * orders).sum(1)]]
        groups.append(
            Sums(
                ("x", "d"),
                np.full(worlds, 20.0 * buyers),  # the others bought nothing
                np.stack([x.sum(1), orders.sum(1)], -1),
                np.moveaxis(np.array(products), -1, 0),
                np.full((worlds, 2), float(buyers)),
            )
        )
    return [
        of(user_ratio(groups[0], "x", "d"), 1.0),
        of(user_ratio_ratio(*groups, "x", "d"), 1.0),
    ]


def shown(value, *, bold=False):
    if math.isnan(value):
        return "none"
    return f"**{value:.1f}**" if bold and value < 94 else f"{value:.1f}"


def markdown():
    head = (
        "People a group | Base rate | Newcombe | Miettinen-Nurminen | Ratio as offered "
        "| Log ratio + 0.5 | Koopman | *Wald* | *Linear relative*"
    )
    lines = []
    for rest, title in ((1, "Two groups of one size"), (20, "Comparison twenty times as large")):
        lines += ["", f"{title}, true ratio {RATIO}:", "", f"| {head} |", "| --- " * 9 + "|"]
        for n in SIZES:
            for base in RATES:
                cells = [shown(v, bold=True) for v in row(n, base, rest)]
                lines.append(f"| {n:,} | {base * 100:g} % | {' | '.join(cells)} |")
    lines += ["", "Amounts a person, log-normal among buyers, two groups of one size:", ""]
    lines += [
        "| People a group | Buy | Skew | Difference (Welch) | Ratio (log) |",
        "| --- " * 5 + "|",
    ]
    for n in SIZES:
        for base in (0.02, 0.1):
            for skew in (0.5, 1.0):
                cells = [shown(v) for v in spend(n, base, skew)]
                lines.append(f"| {n:,} | {base * 100:g} % | {skew:g} | {' | '.join(cells)} |")
    lines += ["", "Spend per order, by person:", ""]
    lines += ["| Buyers a group | Skew | One group | Ratio of two |", "| --- " * 4 + "|"]
    for buyers in (30, 40, 100, 300):
        for skew in (0.5, 1.0):
            cells = [shown(v) for v in order_value(buyers, skew)]
            lines.append(f"| {buyers} | {skew:g} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    text = PAGE.read_text("utf-8")
    before, rest = text.split(START)
    PAGE.write_text(f"{before}{START}\n{markdown()}\n{END}{rest.split(END)[1]}", "utf-8")
    sys.stdout.write(f"{PAGE} written\n")
