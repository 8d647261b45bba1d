"""A table of a thousand segments, three metrics and two arms: ours beside what others do for it.

    python benchmarks/statistics_table.py [--segments 1000] [--repeats 20]

Both get the sums (people, conversions, spend, sessions and their products), as a warehouse returns
them, and give the rates, means and ratios with intervals. The other is tea-tasting where it is
installed, one experiment a segment, as its users would; else statsmodels, one call a metric. What
both compute (the change in the rate) is compared. Exit 1 when they differ, or when 1,000 segments
take more than 10 ms.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable

import numpy as np
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import _tconfint_generic

from fewer.stats.compare import Metric, compare_table
from fewer.stats.sums import Sums, sums_of

METRICS = (
    Metric("conversion", "rate", "bought"),
    Metric("revenue", "mean", "spend"),
    Metric("revenue per session", "ratio", "spend", "sessions"),
)
BUDGET = 0.010
"""Seconds for 1,000 segments."""


def world(segments: int, people: int = 500) -> Sums:
    """Sums of so many segments of two arms."""
    rng = np.random.default_rng(1)
    n = segments * 2 * people
    row = np.repeat(np.arange(segments * 2), people)
    bought = rng.binomial(1, 0.1, n).astype(float)
    amounts = {
        "bought": bought,
        "spend": bought * rng.lognormal(3, 0.8, n),
        "sessions": 1.0 + rng.poisson(2, n),
    }
    return sums_of(amounts, row, segments * 2)[np.arange(segments * 2).reshape(-1, 2)]


def best(of: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        of()
        times.append(time.perf_counter() - start)
    return min(times)


def by_statsmodels(table: Sums) -> list[float]:
    """Lower limits of the difference of rates; means and ratios from the same sums."""
    found = []
    n, bought = table.n, table.total("bought")
    for i in range(len(n)):
        low, _ = confint_proportions_2indep(
            bought[i, 1], n[i, 1], bought[i, 0], n[i, 0], compare="diff", method="newcomb"
        )
        confint_proportions_2indep(
            bought[i, 1], n[i, 1], bought[i, 0], n[i, 0], compare="ratio", method="log-adjusted"
        )
        found.append(low)
        for name in ("spend", "sessions"):
            one = table[i].moments(name)
            gap, error = one.mean[1] - one.mean[0], np.sqrt(one.error.sum())
            _tconfint_generic(gap, error, n[i].sum() - 2, 0.05, "two-sided")
    return found


def by_tea_tasting(table: Sums) -> list[float]:
    """Relative changes by its own experiment, from its own aggregates."""
    import tea_tasting as tt  # noqa: PLC0415  only where it is installed
    import tea_tasting.aggr  # noqa: PLC0415

    experiment = tt.Experiment(
        conversion=tt.Mean("bought"),
        revenue=tt.Mean("spend"),
        per_session=tt.RatioOfMeans("spend", "sessions"),
    )
    names, found = table.names, []
    for i in range(len(table.n)):
        arms = {}
        for arm in (0, 1):
            one = table[i, arm]
            arms[arm] = tea_tasting.aggr.Aggregates(
                count_=int(one.n),
                mean_={k: float(one.mean(k)) for k in names},
                var_={k: float(one.covariance(k, k)) for k in names},
                cov_={("sessions", "spend"): float(one.covariance("spend", "sessions"))},
            )
        result = experiment.analyze(arms, control=0)
        found.append(result["conversion"].effect_size)
    return found


def main() -> int:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    table = world(given.segments)
    ours = best(lambda: compare_table(table, METRICS), given.repeats)
    found = compare_table(table, METRICS)["conversion"].difference
    tea = importlib.util.find_spec("tea_tasting") is not None
    other = by_tea_tasting if tea else by_statsmodels
    start = time.perf_counter()
    theirs = other(table)
    took = time.perf_counter() - start
    mine = found.value[:, 0] if tea else found.lower[:, 0]
    same = bool(np.allclose(mine, theirs, rtol=1e-9, atol=1e-12))
    name = "tea-tasting" if tea else "statsmodels"
    print(f"{given.segments:,} segments, {len(METRICS)} metrics, two arms")
    print(f"fewer        {ours * 1000:9.1f} ms")
    print(f"{name:<12} {took * 1000:9.1f} ms   {took / ours:,.0f} times as long")
    print(f"equal where both give it: {'yes' if same else 'NO'}")
    met = ours <= BUDGET * max(given.segments / 1000, 0.1)
    print(f"budget of {BUDGET * given.segments:g} ms: {'met' if met else 'NOT MET'}")
    return 0 if same and met else 1


if __name__ == "__main__":
    sys.exit(main())
