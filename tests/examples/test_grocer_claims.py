"""Claims about the grocer's households, through the command, against figures counted elsewhere."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import duckdb
import numpy as np
import pytest

from fewer.interfaces.cli.main import run

pytestmark = pytest.mark.demo

BASKETS = """
    WITH t AS (SELECT unnest(generate_series(TIMESTAMP '2017-03-06', TIMESTAMP '2017-12-18',
                                             INTERVAL 7 DAY)) AS wk),
    b AS (SELECT household_id AS h, basket_id, min(transaction_timestamp) AS ts
          FROM transactions GROUP BY ALL),
    c AS (SELECT wk, h, count(*) AS n FROM t JOIN b ON ts >= wk - INTERVAL 7 DAY AND ts < wk
          GROUP BY ALL),
    o AS (SELECT DISTINCT wk, household_id AS h FROM t JOIN coupon_redemptions
          ON redemption_date >= wk AND redemption_date < wk + INTERVAL 7 DAY),
    p AS (SELECT DISTINCT wk, household_id AS h FROM t JOIN (campaigns JOIN campaign_descriptions
          USING (campaign_id)) ON start_date < wk + INTERVAL 7 DAY AND end_date >= wk)
    SELECT c.h, n >= 3 AS three, count(*) AS looks, count(o.h) AS used
    FROM c LEFT JOIN o USING (wk, h) {campaign} WHERE n >= 3 OR n = 1 GROUP BY ALL
"""


@pytest.fixture(scope="module")
def said(grocer):
    out = io.StringIO()
    with redirect_stdout(out):
        status = run(["claims", "three_interactions", "three_baskets_anyone", "--json",
                      "--project", str(grocer.folder.root)])  # fmt: skip
    assert status == 0
    return {claim["id"]: claim for claim in json.loads(out.getvalue())["claims"]}


@pytest.fixture(scope="module")
def households(examples):
    """Household, group, looks and coupons used, in plain SQL over the files."""
    connection = duckdb.connect()
    for path in sorted((examples / "grocer/data").glob("*.parquet")):
        connection.read_parquet(str(path)).create_view(path.stem)

    def rows(campaign):
        return connection.execute(BASKETS.format(campaign=campaign)).fetchnumpy()

    return {
        "three_interactions": rows("JOIN p USING (wk, h)"),
        "three_baskets_anyone": rows(""),
    }


@pytest.mark.parametrize(
    "claim,three,one,ratio",
    [("three_interactions", 3.96, 2.87, 1.38), ("three_baskets_anyone", 2.19, 0.98, 2.22)],
)
def test_rates_are_those_of_plain_sql(said, households, claim, three, one, ratio):
    found, rows = said[claim], households[claim]
    for side, share, group in (("group", three, True), ("against", one, False)):
        inside = rows["three"] == group
        assert found[side]["people_and_index_times"] == rows["looks"][inside].sum()
        assert found[side]["converted"] == rows["used"][inside].sum()
        assert found[side]["people"] == len(np.unique(rows["h"][inside]))
        assert round(found[side]["rate"]["value"] * 100, 2) == share
    assert round(found["ratio"]["value"], 2) == ratio
    assert found["design"]["index times"].startswith("42: every monday, 2017-03-06 00:00")


@pytest.mark.parametrize("claim", ["three_interactions", "three_baskets_anyone"])
def test_interval_is_that_of_a_bootstrap_of_households(said, households, claim):
    rows = households[claim]
    people, of = np.unique(rows["h"], return_inverse=True)
    sums = np.zeros((4, len(people)))
    for n, (group, what) in enumerate(((True, "used"), (True, "looks"), (False, "used"),
                                       (False, "looks"))):  # fmt: skip
        inside = rows["three"] == group
        sums[n] = np.bincount(of[inside], rows[what][inside], minlength=len(people))
    drawn = np.random.default_rng(1).multinomial(
        len(people), np.full(len(people), 1 / len(people)), size=2_000
    )
    k1, n1, k2, n2 = (drawn @ sums.T).T
    low, high = np.quantile((k1 / n1) / (k2 / n2), [0.025, 0.975])
    assert said[claim]["ratio"]["lower"] == pytest.approx(low, rel=0.03)
    assert said[claim]["ratio"]["upper"] == pytest.approx(high, rel=0.03)


def test_what_is_said_of_it(said):
    """1.38x, about 1.12 to 1.73: not 2.4x, and nothing is left of it among equals.

    20,000 bootstraps of households give 1.117 to 1.703, sets of 500 of them ends of 1.10 to 1.12
    and 1.69 to 1.74; the interval shown, 1.11 to 1.71, is a little wider than the bootstrap as it
    uses t limits: 256 and 354 conversions come from few households.
    """
    found = said["three_interactions"]
    assert found["ratio"]["lower"] == pytest.approx(1.12, abs=0.02)
    assert found["ratio"]["upper"] == pytest.approx(1.73, abs=0.03)
    assert found["verdict"] == "contradicted"
    assert found["label"] == "raw association"
    assert found["may_say_lift"] is False
    assert found["adjusted_for_prior_activity"]["lower"] < 1
    assert found["negative_control"]["value"] > 1
    assert found["e_value"]["ratio"] == pytest.approx(2.10, abs=0.01)
    assert "as at T + 7d" in found["design"]["population"]
    assert "hold out 20 %" in found["test_it"]


def test_small_segments_are_small_when_they_are_looked_at(grocer):
    found = grocer.claims(["conversion_26"]).claim("conversion_26")
    design = dict(found.design)
    assert design["size of a group"] == "200-2,000 people at T"
    assert found.notes == ()  # made of no coupons, and of no history without an end
    assert found.control.estimate.lower > 1
    assert found.adjusted.estimate.value < found.ratio.estimate.value
