"""Worked examples that others published, each with its origin in vectors.json."""

import json
from pathlib import Path

import numpy as np
import pytest

from fewer.stats.mean import mean_ratio, moments
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.power import people_needed, power
from fewer.stats.proportion import difference, log_ratio, rate, score_ratio
from fewer.stats.split import split_check

CASES = json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8"))["cases"]


def limits(found):
    return {"value": found.value, "lower": found.lower, "upper": found.upper}


def ours(kind, inputs):
    match kind:
        case "rate":
            return limits(rate([inputs["k"]], [inputs["n"]]).at(0))
        case "difference" | "log_ratio" | "score_ratio":
            method = {"difference": difference, "log_ratio": log_ratio, "score_ratio": score_ratio}
            return limits(method[kind](*([inputs[i]] for i in ("k1", "n1", "k2", "n2"))).at(0))
        case "mean_ratio":
            return limits(mean_ratio(*(moments(*inputs[i]) for i in ("first", "second"))).at())
        case "split":
            return {"p": float(split_check(inputs["observed"], inputs["shares"]).p[0])}
        case "benjamini_hochberg":
            return {"rejected": int((benjamini_hochberg(inputs["p"]) <= inputs["level"]).sum())}
        case "people_needed":
            change = inputs["changed"] / inputs["base"]
            return {"n": float(people_needed(inputs["base"], change, wanted=inputs["wanted"]))}
        case "power":
            change = inputs["changed"] / inputs["base"]
            sizes = inputs["n"], inputs["n_comparison"]
            return {"power": float(power(inputs["base"], change, sizes[0], n_comparison=sizes[1]))}
    raise AssertionError(kind)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_published_example(case):
    found = ours(case["kind"], case["inputs"])
    close = {"rel" if case.get("relative") else "abs": case["tolerance"]}
    for name, number in case["expected"].items():
        assert found[name] == pytest.approx(number, **close), name


def test_no_wins_in_a_thousand_null_segments():
    """A table of unadjusted comparisons always shows winners; an adjusted one does not."""
    from fewer.stats.proportion import exact_p

    rng = np.random.default_rng(0)
    k1, k2 = rng.binomial(500, 0.02, (2, 1000))
    p = exact_p(k1, 500, k2, 500)
    assert (p < 0.05).sum() > 5
    assert (benjamini_hochberg(p) <= 0.05).sum() == 0
