"""The grocer, whole: totals equal those of its data set, sizes equal plain SQL over the files."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import exp

from fewer.model.number import from_micros

pytestmark = pytest.mark.demo
AS_OF = "2017-10-02"


@pytest.fixture(scope="module")
def audit(grocer):
    return grocer.audit(AS_OF)


@pytest.fixture(scope="module")
def build(grocer):
    return grocer.build(as_of=AS_OF)


@pytest.fixture(scope="module")
def raw(examples):
    """The files as they are, read by nothing of ours."""
    connection = duckdb.connect()
    for path in sorted((examples / "grocer/data").glob("*.parquet")):
        relation = connection.read_parquet(str(path))
        relation.create_view(path.stem)
    connection.execute("CREATE TEMP TABLE t AS SELECT *, transaction_timestamp AS ts"
                       " FROM transactions LEFT JOIN products USING (product_id)"
                       " WHERE transaction_timestamp < TIMESTAMP '2017-10-02'")  # fmt: skip
    return lambda sql: connection.execute(sql).fetchone()[0]


def facts(audit, event):
    return next(point for point in audit.inventory.events if point.event == event)


def prop(audit, event, name):
    return next(p for p in facts(audit, event).properties if p.name == name)


def test_totals_of_the_data_set(audit):
    """The reference numbers of data/README.md."""
    inventory = audit.inventory
    assert facts(audit, "purchase").rows == 1_469_307
    assert facts(audit, "purchase").people == 2_469
    assert facts(audit, "campaign_mailed").rows == 6_589
    assert facts(audit, "coupon_redeemed").rows == 2_102
    assert prop(audit, "purchase", "basket_id").distinct == 155_848
    assert prop(audit, "purchase", "item_id").distinct == 68_509
    assert prop(audit, "campaign_mailed", "campaign_id").distinct == 27
    assert inventory.items == 92_331
    assert inventory.people_with_record == 801


def test_sales_to_the_cent(grocer):
    """4,596,040 in the data set's own figures, which are rounded."""
    column = exp.column(grocer.generation.catalog.properties["value"]["number"])
    total = exp.select(exp.func("sum", column).as_("total")).from_("events")
    with grocer.engine(0) as engine:
        micros = int(engine.run(total).column("total")[0].as_py())
    assert round(from_micros(micros)) == 4_596_040


def test_nothing_was_rejected(grocer):
    assert grocer.quarantine_counts() == []


def test_loading_again_adds_nothing(grocer):
    before = grocer.generation.number
    assert not grocer.ingest().changed
    assert grocer.generation.number == before


def test_everyone_at_the_date(build, raw):
    people = raw(
        """
        SELECT count(*) FROM (
          SELECT household_id FROM t UNION SELECT household_id FROM demographics
          UNION SELECT household_id FROM campaigns JOIN campaign_descriptions USING (campaign_id)
                WHERE start_date < TIMESTAMP '2017-10-02'
        )
        """
    )
    assert build.universe == people == 2_448


# Conditions of six segments once more, in plain SQL. `matched` is before exclusions.
PLAIN = {
    "young_families": """
        SELECT count(DISTINCT household_id) FROM t WHERE ts >= TIMESTAMP '2017-08-03'
        AND regexp_matches(concat_ws(' > ', department, product_category),
                           '^DRUG GM > (BABY|DIAPERS|INFANT)')""",
    "three_visits_a_week": """
        SELECT count(*) FROM (SELECT household_id FROM t WHERE ts >= TIMESTAMP '2017-09-25'
        GROUP BY 1 HAVING count(DISTINCT ts::DATE) >= 3)""",
    "slipping_away": """
        SELECT count(*) FROM (SELECT household_id FROM t GROUP BY 1
        HAVING max(ts) >= TIMESTAMP '2017-08-03' AND max(ts) < TIMESTAMP '2017-09-11'
        AND count(DISTINCT CASE WHEN ts >= TIMESTAMP '2017-02-04'
                                 AND ts < TIMESTAMP '2017-08-03' THEN ts::DATE END) >= 6)""",
    "own_brand_fans": """
        SELECT count(*) FROM (SELECT household_id FROM t WHERE ts >= TIMESTAMP '2017-08-03'
        GROUP BY 1 HAVING count(*) >= 20
        AND count(*) FILTER (WHERE brand = 'Private') >= 0.4 * count(*))""",
    "mailed_not_redeemed": """
        SELECT count(DISTINCT household_id)
        FROM campaigns JOIN campaign_descriptions USING (campaign_id)
        WHERE start_date >= TIMESTAMP '2017-08-03' AND start_date < TIMESTAMP '2017-10-02'
        AND household_id NOT IN (SELECT household_id FROM coupon_redemptions
          WHERE redemption_date >= TIMESTAMP '2017-08-03'
          AND redemption_date < TIMESTAMP '2017-10-02')""",
    "gone": """
        SELECT count(*) FROM (
          SELECT household_id FROM t
          UNION SELECT household_id FROM campaigns JOIN campaign_descriptions USING (campaign_id)
                WHERE start_date < TIMESTAMP '2017-10-02'
        ) WHERE household_id NOT IN
          (SELECT household_id FROM t WHERE ts >= TIMESTAMP '2017-07-04')""",
}


@pytest.mark.parametrize("segment", PLAIN)
def test_sizes_equal_plain_sql(build, raw, segment):
    assert build.segments[segment].matched_size == raw(PLAIN[segment])


def test_most_segments_are_in_the_band_and_the_guard_shows_the_rest(build):
    targets = [s for s in build.segments.values() if not s.is_variant]
    within = [s for s in targets if s.verdict == "within"]
    assert len(within) >= 20
    assert build.segments["premium_cosmetics"].verdict == "too_small"
    assert "would give" in build.segments["premium_cosmetics"].proposals[0]
    assert build.segments["fresh_coupons"].verdict == "too_small"


def test_lookback_variants_grow_with_their_window(build):
    sizes = [build.segments[f"frozen_meals@{days}d"].matched_size for days in (14, 30, 60)]
    assert sizes == sorted(sizes)


def test_what_the_audit_finds(audit):
    found = {finding.code: finding for finding in audit.findings}
    units = found["AU013"]
    assert units.events == ("purchase",)
    assert units.title == "quantity of purchase seems to be in two units"
    assert units.evidence.table.rows[0][0] == "FUEL"
    orphans = {f.label: f.value for f in found["AU011"].evidence.figures}
    assert orphans["rows with an unknown item"] == 4_836
    assert found["AU001"].evidence.table.rows[0][1] == "2017-12-25"
    assert found["AU023"].title == "campaign_mailed and coupon_redeemed have a date but no time"
    assert "AU004" not in found
    assert audit.count("error") == 0


def test_trust(audit):
    verdicts = {trust.event: trust.verdict for trust in audit.trust}
    assert verdicts["purchase"] == "limited"
    assert verdicts["coupon_redeemed"] == "good"


def test_category_tree(audit, raw):
    top = audit.inventory.categories[0]
    assert (top.name, top.items) == ("GROCERY", 39_023)
    depths = {len(c.path.split(" > ")) for a in audit.inventory.categories for c in a.children}
    assert depths == {2}
    bought = raw("SELECT count(*) FROM transactions JOIN products USING (product_id)"
                 " WHERE department = 'GROCERY'")  # fmt: skip
    coupons = top.rows - bought
    assert 0 < coupons < 2_102  # coupons name an item too


def test_households_stay_unnamed(audit):
    households = {"2375", "1364", "900"}
    values = {
        str(top.value)
        for point in audit.inventory.events
        for p in point.properties
        for top in p.top
        if p.name not in {"store_id", "quantity", "campaign_id"}
    }
    assert not households & values
