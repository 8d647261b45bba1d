"""The SQL itself, read by people, and the limits of its size and of its texts."""

# ruff: noqa: E501  SQL is shown as it is written

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from inline_snapshot import snapshot
from sqlglot import exp, parse_one

from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.plan.plan import plan
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.program import DEEPEST, WIDEST_RESULT, as_query, program
from fewer.evaluate.sql.tree import every, number, select, some
from fewer.model.catalog import Catalog
from fewer.model.segment import Segment
from fewer.model.window import Duration, to_utc_micros

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
DAY = timedelta(days=1)
CATALOG = Catalog(
    events={"view": 900, "cart": 90, "buy": 10},
    properties={
        "path": {"text": "p1_t"},
        "item_id": {"text": "p2_t"},
        "price": {"number": "p3_n", "text": "p3_t"},
    },
    items={"category": {"text": "i1_t"}},
    traits={"plan": {"text": "t1_t"}},
    first_ts=to_utc_micros(datetime(2026, 2, 1, tzinfo=UTC)),
)


def written(*segments, show):
    """The standalone query of a segment, less the universe that every one begins with."""
    made = plan(
        segments,
        as_of_us=to_utc_micros(AS_OF),
        timezone="Europe/Berlin",
        session_gap=Duration.parse("30m"),
        catalog=CATALOG,
        default_exclude=(),
    )
    query = as_query(program(made, DUCKDB), show)
    assert query.find(exp.CTE).alias == "universe"
    query.args["with_"].expressions.pop(0)
    text = query.sql(dialect="duckdb", pretty=True)
    parse_one(text, dialect="duckdb")
    return text


def test_counts_of_one_event_share_one_pass_beside_traits_and_exclusions():
    where = {
        "all": [
            {
                "did": "view",
                "where": {"path": {"starts_with": "/pricing"}},
                "within": "7d",
                "count": {"at_least": 3},
            },
            {"not": {"did": "buy", "between": {"from": "30d", "to": "7d"}}},
            {"trait": "plan", "not_equals": "pro"},
        ]
    }
    recent = Segment(id="recent", where={"did": "buy", "within": "3d"})
    assert written(
        Segment(id="hot", where=where, exclude=["recent"]), recent, show="hot"
    ) == snapshot("""\
WITH base AS (
  SELECT
    e.person,
    e.ts,
    e.event,
    e.p1_t
  FROM events AS e
  WHERE
    e.ts < 1774915200000000
    AND e.ts >= 1772323200000000
    AND e.event IN ('buy', 'view')
), tally_1 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COUNT(CASE WHEN m0 AND ts >= 1774656000000000 THEN 1 END) >= 1 AS l0,
      COUNT(CASE WHEN m0 AND ts >= 1772323200000000 AND ts < 1774310400000000 THEN 1 END) >= 1 AS l2,
      COUNT(CASE WHEN m1 AND ts >= 1774310400000000 THEN 1 END) >= 3 AS l1
    FROM (
      SELECT
        person,
        ts,
        event = 'buy' AS m0,
        event = 'view' AND STARTS_WITH(p1_t, '/pricing') AS m1
      FROM base
      WHERE
        event IN ('buy', 'view') AND ts >= 1772323200000000
    ) AS r
    WHERE
      m0 OR m1
    GROUP BY
      person
  ) AS a
  WHERE
    l0 OR l2 OR l1
), persons_1 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COALESCE(t1_t <> 'pro', FALSE) AS l3
    FROM people
  ) AS a
  WHERE
    l3
)
SELECT
  person
FROM (
  SELECT
    person,
    l1 AND NOT l2 AND l3 AS w0,
    l1 AND NOT l2 AND l3 AND NOT s0 AS m0
  FROM (
    SELECT
      *,
      l0 AS s0
    FROM (
      SELECT
        u.person AS person,
        COALESCE(tally_1.l0, FALSE) AS l0,
        COALESCE(tally_1.l1, FALSE) AS l1,
        COALESCE(tally_1.l2, FALSE) AS l2,
        COALESCE(persons_1.l3, FALSE) AS l3
      FROM universe AS u
      LEFT JOIN tally_1
        ON tally_1.person = u.person
      LEFT JOIN persons_1
        ON persons_1.person = u.person
    ) AS a
  ) AS a
) AS s
WHERE
  m0\
""")


def test_a_sequence_asks_for_the_latest_start_of_every_chain():
    where = {
        "sequence": [
            {"did": "view", "where": {"item.category": {"under": "shoes"}}},
            {"did": "cart", "within_next": "2d"},
            {"did_not": "buy", "within_next": "1d"},
        ],
        "same": ["item_id"],
        "within": "30d",
    }
    assert written(Segment(id="left", where=where), show="left") == snapshot("""\
WITH base AS (
  SELECT
    e.person AS person,
    e.ts AS ts,
    e.event AS event,
    e.p2_t AS p2_t,
    i.i1_t AS item_i1_t
  FROM events AS e
  LEFT JOIN items AS i
    ON i.item_id = e.p2_t
  WHERE
    e.ts < 1774915200000000
    AND e.ts >= 1772323200000000
    AND e.event IN ('buy', 'cart', 'view')
), chains_1 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COUNT(CASE WHEN NOT r1 IS NULL AND r1 >= 1772323200000000 THEN 1 END) > 0 AS l0
    FROM (
      SELECT
        *,
        CASE
          WHEN f1 AND a2 IS NULL AND ts < 1774828800000000
          THEN MAX(r0) OVER (
            PARTITION BY person, k0
            ORDER BY ts
            RANGE BETWEEN 172800000000 PRECEDING AND 1 PRECEDING
          )
        END AS r1
      FROM (
        SELECT
          *,
          CASE WHEN f0 THEN ts END AS r0
        FROM (
          SELECT
            *,
            MIN(CASE WHEN f2 THEN ts END) OVER (
              PARTITION BY person, k0
              ORDER BY ts
              RANGE BETWEEN 1 FOLLOWING AND 86400000000 FOLLOWING
            ) AS a2
          FROM (
            SELECT
              b.person,
              b.ts,
              b.p2_t AS k0,
              b.event = 'view'
              AND (
                b.item_i1_t = 'shoes' OR STARTS_WITH(b.item_i1_t, 'shoes > ')
              ) AS f0,
              b.event = 'cart' AS f1,
              b.event = 'buy' AS f2
            FROM base AS b
            WHERE
              (
                (
                  b.event = 'view'
                  AND (
                    b.item_i1_t = 'shoes' OR STARTS_WITH(b.item_i1_t, 'shoes > ')
                  )
                )
                OR b.event = 'cart'
                OR b.event = 'buy'
              )
              AND NOT b.p2_t IS NULL
              AND b.ts >= 1772323200000000
              AND b.person IN (
                SELECT
                  person
                FROM base
                WHERE
                  event = 'cart'
              )
          ) AS s
        ) AS s
      ) AS s
    ) AS s
    GROUP BY
      person
  ) AS a
  WHERE
    l0
)
SELECT
  person
FROM (
  SELECT
    person,
    l0 AS w0
  FROM (
    SELECT
      u.person AS person,
      COALESCE(chains_1.l0, FALSE) AS l0
    FROM universe AS u
    LEFT JOIN chains_1
      ON chains_1.person = u.person
  ) AS a
) AS s
WHERE
  w0\
""")


def test_days_are_local_by_precomputed_offsets_and_distinct_values_have_a_type():
    where = {
        "any": [
            {"did": "view", "days": {"at_least": 3}},
            {"did": "buy", "distinct": {"of": "price", "at_least": 2}},
        ]
    }
    assert written(Segment(id="often", where=where), show="often") == snapshot("""\
WITH base AS (
  SELECT
    e.person,
    e.ts,
    e.event,
    e.p3_n,
    e.p3_t
  FROM events AS e
  WHERE
    e.ts < 1774915200000000 AND e.event IN ('buy', 'view')
), keyed_1 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COUNT(f0) >= 3 AS l0
    FROM (
      SELECT
        person,
        MAX(1) AS f0
      FROM (
        SELECT
          person,
          ts,
          (
            ts + CASE WHEN ts >= 1774746000000000 THEN 86400007200000000 ELSE 86400003600000000 END
          ) // 86400000000 AS k0
        FROM base
        WHERE
          event = 'view'
      ) AS r
      GROUP BY
        person,
        k0
    ) AS k
    GROUP BY
      person
  ) AS a
  WHERE
    l0
), keyed_2 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COUNT(f1) >= 2 AS l1
    FROM (
      SELECT
        person,
        MAX(1) AS f1
      FROM (
        SELECT
          person,
          ts,
          p3_t AS k0,
          p3_n AS k1
        FROM base
        WHERE
          event = 'buy'
      ) AS r
      WHERE
        NOT k0 IS NULL OR NOT k1 IS NULL
      GROUP BY
        person,
        k0,
        k1
    ) AS k
    GROUP BY
      person
  ) AS a
  WHERE
    l1
)
SELECT
  person
FROM (
  SELECT
    person,
    l0 OR l1 AS w0
  FROM (
    SELECT
      u.person AS person,
      COALESCE(keyed_1.l0, FALSE) AS l0,
      COALESCE(keyed_2.l1, FALSE) AS l1
    FROM universe AS u
    LEFT JOIN keyed_1
      ON keyed_1.person = u.person
    LEFT JOIN keyed_2
      ON keyed_2.person = u.person
  ) AS a
) AS s
WHERE
  w0\
""")


def test_means_and_shares_are_compared_without_dividing():
    where = {
        "any": [
            {"did": "buy", "mean": {"of": "price", "more_than": 9.5}},
            {"did": "*", "share": {"where": {"path": "/"}, "between": [0.25, 0.5]}},
        ]
    }
    assert written(Segment(id="dear", where=where), show="dear") == snapshot("""\
WITH base AS (
  SELECT
    e.person,
    e.ts,
    e.event,
    e.p1_t,
    e.p3_n
  FROM events AS e
  WHERE
    e.ts < 1774915200000000
), tally_1 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COALESCE(COUNT(p3_n) > 0 AND SUM(p3_n) > CAST(COUNT(p3_n) AS INT128) * 9500000, FALSE) AS l0
    FROM (
      SELECT
        person,
        ts,
        p3_n
      FROM base
      WHERE
        event = 'buy'
    ) AS r
    GROUP BY
      person
  ) AS a
  WHERE
    l0
), tally_2 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COALESCE(
        COUNT(*) > 0
        AND CAST(COUNT(CASE WHEN s0 THEN 1 END) AS INT128) * 1000000 >= CAST(COUNT(*) AS INT128) * 250000
        AND CAST(COUNT(CASE WHEN s0 THEN 1 END) AS INT128) * 1000000 <= CAST(COUNT(*) AS INT128) * 500000,
        FALSE
      ) AS l1
    FROM (
      SELECT
        person,
        ts,
        p1_t = '/' AS s0
      FROM base
    ) AS r
    GROUP BY
      person
  ) AS a
  WHERE
    l1
)
SELECT
  person
FROM (
  SELECT
    person,
    l0 OR l1 AS w0
  FROM (
    SELECT
      u.person AS person,
      COALESCE(tally_1.l0, FALSE) AS l0,
      COALESCE(tally_2.l1, FALSE) AS l1
    FROM universe AS u
    LEFT JOIN tally_1
      ON tally_1.person = u.person
    LEFT JOIN tally_2
      ON tally_2.person = u.person
  ) AS a
) AS s
WHERE
  w0\
""")


def test_the_last_event_is_chosen_by_bytes_of_its_id_and_bursts_by_the_match_before():
    where = {
        "all": [
            {"last": {"did": "view"}, "having": {"path": "/"}, "within": "30d"},
            {"did": "view", "burst": {"count": 3, "in": "1h"}, "within": "7d"},
        ]
    }
    assert written(Segment(id="keen", where=where), show="keen") == snapshot("""\
WITH base AS (
  SELECT
    e.person,
    e.ts,
    e.event,
    e.event_id,
    e.p1_t
  FROM events AS e
  WHERE
    e.ts < 1774915200000000 AND e.ts >= 1772323200000000 AND e.event = 'view'
), picks_1 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COALESCE(ts >= 1772323200000000 AND p1_t = '/', FALSE) AS l0
    FROM (
      SELECT
        person,
        ts,
        p1_t,
        ROW_NUMBER() OVER (PARTITION BY person ORDER BY ts DESC, event_id DESC) AS place
      FROM base
      WHERE
        event = 'view'
    ) AS r
    WHERE
      place = 1
  ) AS a
  WHERE
    l0
), bursts_1 AS (
  SELECT
    *
  FROM (
    SELECT
      person,
      COUNT(CASE WHEN ts - b3 <= 3600000000 AND b3 >= 1774310400000000 THEN 1 END) > 0 AS l1
    FROM (
      SELECT
        person,
        ts,
        LAG(ts, 2) OVER (PARTITION BY person ORDER BY ts) AS b3
      FROM base
      WHERE
        event = 'view'
    ) AS r
    GROUP BY
      person
  ) AS a
  WHERE
    l1
)
SELECT
  person
FROM (
  SELECT
    person,
    l0 AND l1 AS w0
  FROM (
    SELECT
      u.person AS person,
      COALESCE(picks_1.l0, FALSE) AS l0,
      COALESCE(bursts_1.l1, FALSE) AS l1
    FROM universe AS u
    LEFT JOIN picks_1
      ON picks_1.person = u.person
    LEFT JOIN bursts_1
      ON bursts_1.person = u.person
  ) AS a
) AS s
WHERE
  w0\
""")


# ------------------------------------------------------------------------------------ limits


def test_a_thousand_conditions_joined_are_a_shallow_tree():
    for join in (every, some):
        assert depth(join(number(n) for n in range(1_000))) <= 12


def depth(node):
    children = [child for child in node.iter_expressions() if isinstance(child, exp.Connector)]
    return 1 + max(map(depth, children), default=0)


def test_a_thousand_segments_in_one_plan(world):
    world.did("ann", "view", AS_OF - 40 * DAY)
    segments = [
        Segment(
            id=f"s{n}",
            where={"all": [{"did": "view", "within": f"{n + 1}h"}, {"did_not": f"e{n % 9}"}]},
        )
        for n in range(WIDEST_RESULT * 2 + 200)
    ]
    found = world.engine().evaluate(world.plan(*segments))
    assert len(found.members) == len(segments) == 1_000
    sizes = [len(found.members[segment.id]) for segment in segments]
    assert sizes == [int(n + 1 >= 40 * 24) for n in range(len(segments))]


def test_a_long_chain_of_references(world):
    world.did("ann", "view", AS_OF - DAY)
    world.person("bob")
    length = 5 * DEEPEST + 3
    segments = [Segment(id="s0", where={"did": "view"})] + [
        Segment(id=f"s{n}", where={"all": []}, exclude=[f"s{n - 1}"])
        if n % 2
        else Segment(id=f"s{n}", where={"not": {"in_segment": f"s{n - 1}"}})
        for n in range(1, length)
    ]
    made = world.plan(*segments)
    engine = world.engine()
    found = engine.evaluate(made)
    expected = [{"bob"} if n % 2 else {"ann"} for n in range(length)]
    assert [world.names(found.members[f"s{n}"]) for n in range(length)] == expected
    last = engine.run(as_query(program(made, DUCKDB), f"s{length - 1}"))
    assert world.names(last["person"].to_pylist()) == expected[-1]


def test_a_deep_nest_of_booleans(world):
    world.did("ann", "view", AS_OF - DAY)
    world.person("bob")
    where = {"did": "view"}
    for _ in range(61):
        where = {"none": [{"all": [where, {"did": "view"}]}]}
    assert world.who(where) == {"bob"}


NASTY = [
    "it's", '"quoted"', "back\\slash", "\\", "100%", "_", "a\nb", "\r\n", "\t", "\x00", "a\x00b",
    "--", "/* */", ";", "$1", "?", ":x", "{x}", "{{ x }}", "é", "e\u0301", "\U0001d4b3", "\u202e", "\ufeff",
    "NULL", "", " ", "'", "''", "\x1a", "\x7f", "\ud7ff", "\U0010ffff", "x" * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_a_text_arrives_as_it_is(text):
    with_it = select([DUCKDB.literal(text)], exp.Subquery(this=exp.Select(expressions=[number(1)])))
    engine = DuckDBEngine({}, Catalog())
    try:
        assert engine.run(with_it).column(0).to_pylist() == [text]
        for pretty in (False, True):
            again = parse_one(with_it.sql("duckdb", pretty=pretty), dialect="duckdb")
            assert again.find(exp.Literal).this == text
    finally:
        engine.close()


def test_one_engine_serves_several_threads(world):
    world.did("ann", "view", AS_OF - DAY)
    world.person("bob")
    engine = world.engine()
    plans = [
        world.plan(Segment(id="s", where=where))
        for where in ({"did": "view"}, {"did_not": "view"}, {"all": []}, {"any": []}) * 4
    ]
    with ThreadPoolExecutor(4) as pool:
        found = [world.names(each.members["s"]) for each in pool.map(engine.evaluate, plans)]
    assert found == [{"ann"}, {"bob"}, {"ann", "bob"}, set()] * 4


def test_bitmaps_of_an_evaluation_are_not_shared(world):
    world.did("ann", "view", AS_OF - DAY)
    found = world.engine().evaluate(world.plan(Segment(id="s", where={"did": "view"})))
    found.members["s"].clear()
    assert world.names(found.matched["s"]) == {"ann"}
