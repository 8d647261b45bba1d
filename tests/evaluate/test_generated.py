"""SQL for dialects: parsed back by SQLGlot, in the database's own calls; and run where we can."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from conformance.engines import expected, planned, scene_of
from fewer.errors import UnsupportedByEngineError
from fewer.evaluate.engines.base import Dataset, EngineSettings, load
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.lookup import DIALECTS, NOT_EXECUTED, functions_of, written
from fewer.evaluate.sql.program import as_query, program
from fewer.model.catalog import Catalog
from fewer.model.segment import Segment
from oracle.drawn import at, draw
from strategies.definition import Asked, seeded
from worlds import load as load_world

GENERATED = ["bigquery", "snowflake"]


def drawn_plan(folder, seed: int = 21_000, count: int = 40) -> Plan:
    scene, asked = seeded(seed, count)
    return planned(scene, asked, load_world(scene.world, folder).catalog)


def query_of(where, dialect: str, folder) -> str:
    """One segment over a world that has a value of every kind."""
    world = draw(
        ann=[at("-1d", item_id="a", v=1, path="/x")],
        items={"a": {"brand": "N"}},
        traits={"ann": {"plan": "pro"}},
    )
    scene = scene_of(world)
    asked = Asked((Segment.model_validate({"id": "it", "where": where}),))
    made = planned(scene, asked, load_world(world, folder).catalog)
    return written(as_query(program(made, functions_of(dialect)), "it"), dialect)


def test_every_engine_whose_sql_is_generated_only_says_so():
    assert set(GENERATED) == NOT_EXECUTED
    for name in DIALECTS:
        assert load(name).capabilities.executed_in_tests == (name not in GENERATED)
        assert load(name).capabilities.dialect == name


@pytest.mark.parametrize("name", GENERATED)
def test_an_engine_that_only_writes_queries(name, tmp_path):
    engine = load(name).open(Dataset({}, Catalog()), EngineSettings())
    engine.hold("events")
    for ask in (lambda: engine.evaluate(drawn_plan(tmp_path)), lambda: engine.run(exp.select("1"))):
        with pytest.raises(UnsupportedByEngineError, match=f"--dialect {name}` and run them yours"):
            ask()
    engine.close()


@pytest.mark.parametrize("count", [12, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_queries_parse_back_to_themselves(dialect, count, tmp_path):
    compiled = program(drawn_plan(tmp_path, count=count), functions_of("duckdb"))
    refused = 0
    for id_ in compiled.plan.ids:
        try:
            part = program(compiled.plan.only([id_]), functions_of(dialect))
        except UnsupportedByEngineError:
            assert dialect == "postgres"  # patterns and lower case
            refused += 1
            continue
        text = written(as_query(part, id_), dialect)
        assert ("not executed" in text) == (dialect in GENERATED)
        parsed = sqlglot.parse_one(text, dialect=dialect)
        again = parsed.sql(dialect=dialect, pretty=True, comments=False)
        assert again == sqlglot.parse_one(again, dialect=dialect).sql(dialect=dialect, pretty=True)
        assert not list(parsed.find_all(exp.Command))
        literals = {each.name for each in parsed.find_all(exp.Literal) if each.is_string}
        ours = as_query(part, id_).find_all(exp.Literal)
        assert literals == {each.name for each in ours if each.is_string}
    assert refused < len(compiled.plan.ids) / 2


SAMPLE = {"sample": {"percent": 10, "salt": "s"}}
NATIVE = {
    "sample": (
        SAMPLE,
        {
            "bigquery": "SUBSTR(TO_HEX(SHA256(CONCAT('s:', key))), 1, 16)",
            "snowflake": "LEFT(SHA2(CONCAT('s:', key), 256), 16)",
            "clickhouse": "substring(lower(hex(SHA256(concat('s:', key)))), 1, 16)",
        },
    ),
    "contains": (
        {"did": "*", "where": {"path": {"contains": "é'\\"}}},
        {
            "bigquery": r"STRPOS(e_t, 'é\'\\') > 0",
            "snowflake": r"CONTAINS(e_t, 'é\'\\')",
            "clickhouse": r"position(e_t, 'é''\\') > 0",
        },
    ),
    "starts": (
        {"did": "*", "where": {"path": {"starts_with": "/x"}}},
        {
            "bigquery": "STARTS_WITH(e_t, '/x')",
            "snowflake": "STARTSWITH(e_t, '/x')",
            "clickhouse": "startsWith(e_t, '/x')",
        },
    ),
    "ends": (
        {"did": "*", "where": {"path": {"ends_with": "/x"}}},
        {
            "bigquery": "ENDS_WITH(e_t, '/x')",
            "snowflake": "ENDSWITH(e_t, '/x')",
            "clickhouse": "endsWith(e_t, '/x')",
        },
    ),
    "lower": (
        {"did": "*", "where": {"path": {"equals": "Σ", "ignore_case": True}}},
        {
            "bigquery": "LOWER(REPLACE(REPLACE(e_t, 'İ', 'i'), 'Σ', 'σ')) = 'σ'",
            "snowflake": "LOWER(REPLACE(REPLACE(e_t, 'İ', 'i'), 'Σ', 'σ')) = 'σ'",
            "clickhouse": "lowerUTF8(replaceAll(replaceAll(e_t, 'İ', 'i'), 'Σ', 'σ')) = 'σ'",
        },
    ),
    "matches": (
        {"did": "*", "where": {"path": {"matches": r"^(a|\d+)\s?.$"}}},
        {
            "bigquery": r"REGEXP_CONTAINS(e_t, '\\A(?:a|[0-9]+)[\\t\\n\\x0b\\x0c\\r ]?[^\\n]\\z')",
            "snowflake": "REGEXP_LIKE(e_t, '.*(^(a|[0-9]+)[",
            "clickhouse": r"match(e_t, '\\A(?:a|[0-9]+)[\\t\\n\\x0b\\x0c\\r ]?[^\\n]\\z')",
        },
    ),
    "days": (
        {"did": "*", "days": {"at_least": 2}},
        {
            "bigquery": "DIV(ts + 86400000000000000, 86400000000)",
            "snowflake": "MOD(ts + 86400000000000000, 86400000000)",
            "clickhouse": "intDiv(ts + 86400000000000000, 86400000000)",
        },
    ),
    "sums": (
        {"did": "*", "sum": {"of": "v", "at_least": 2}},
        {
            "bigquery": "SUM(CAST(e_n AS BIGNUMERIC))",
            "snowflake": "SUM(CAST(e_n AS DECIMAL(38, 0)))",
            "clickhouse": "SUM(toInt128(e_n))",
        },
    ),
    "bursts": (
        {"did": "*", "burst": {"count": 3, "in": "1h"}},
        {
            "bigquery": "LAG(ts, 2) OVER",
            "snowflake": "LAG(ts, 2) OVER",
            "clickhouse": "lag(toNullable(ts), 2) OVER",
        },
    ),
    "sequences": (
        {"sequence": [{"did": "a"}, {"did": "b", "within_next": "2d"}]},
        dict.fromkeys(
            ("bigquery", "snowflake", "clickhouse"),
            "RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
        ),
    ),
}


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "clickhouse"])
@pytest.mark.parametrize("kind", NATIVE)
def test_the_calls_are_the_databases_own(kind, dialect, tmp_path):
    """Where transpiled names would mean something else: bytes for hex, all of a text for a part."""
    where, calls = NATIVE[kind]
    text = " ".join(query_of(where, dialect, tmp_path).split())
    stored = load_world(draw(ann=[at("-1d", item_id="a", v=1, path="/x")]), tmp_path).catalog
    path, value = stored.properties["path"]["text"], stored.properties["v"]["number"]
    assert calls[dialect].replace("e_t", path).replace("e_n", value) in text


def test_a_pattern_for_snowflake():
    """POSIX: groups of one kind; control characters as they are; a backslash and n are two."""
    call = functions_of("snowflake").matches(exp.column("x"), r"(a\s)|\\n\(?:", False)
    _, whole, flag = call.expressions
    assert whole.name == ".*((a[\t\n\x0b\x0c\r ])|\\\\n\\(?\\:).*"
    assert flag.name == "s"


def test_an_unknown_dialect():
    with pytest.raises(UnsupportedByEngineError, match="Did you mean 'snowflake'"):
        functions_of("snowflak")


def test_patterns_are_no_single_query_on_postgres(tmp_path):
    where = {"did": "*", "where": {"path": {"matches": "x"}}}
    with pytest.raises(UnsupportedByEngineError, match="fewer build --engine postgres"):
        query_of(where, "postgres", tmp_path)


@pytest.mark.clickhouse
def test_a_query_for_clickhouse_run_by_somebody_else(tmp_path):
    """With whatever settings their session has: the text brings its own."""
    from chdb.session import Session

    scene, asked = seeded(21_001, 25)
    right = expected(scene, asked).members
    loaded = load_world(scene.world, tmp_path)
    compiled = program(planned(scene, asked, loaded.catalog), functions_of("clickhouse"))
    session = Session()
    session.query("CREATE DATABASE IF NOT EXISTS theirs")
    session.query("USE theirs")
    for name in loaded.relations:
        file = f"file('{tmp_path / name}.parquet', Parquet)"
        session.query(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {file}")  # noqa: S608
    found = {}
    for id_ in right:
        rows = str(session.query(written(as_query(compiled, id_), "clickhouse"), "TSV"))
        found[id_] = frozenset(map(int, rows.split()))
    session.query("DROP DATABASE theirs")
    session.close()
    assert found == right
