"""DuckDB's functions. Text is compared by UTF-8 bytes; patterns are RE2's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions, Kind, OwnColumns
from fewer.evaluate.sql.functions.template import filled
from fewer.evaluate.sql.tree import call, number
from fewer.model.pattern import translate
from fewer.model.values import ValueType


def _int128(value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.INT128))


def _quotient(value: exp.Expr, by: int) -> exp.Expr:
    return exp.IntDiv(this=exp.Paren(this=value), expression=number(by))


def _matches(value: exp.Expr, pattern: str, fold: bool) -> exp.Expr:
    return call("regexp_matches", value, exp.Literal.string(translate(pattern, lower=fold)))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    joined = exp.DPipe(this=exp.Literal.string(salt), expression=text)
    return call("left", call("sha256", joined), number(16))


_WHOLE: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_KINDS: Final[dict[str, Kind]] = {
    "VARCHAR": "text",
    **dict.fromkeys((*_WHOLE, *(f"U{name}" for name in _WHOLE)), "integer"),
    "FLOAT": "float",
    "DOUBLE": "float",
    "BOOLEAN": "boolean",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "wall"),
    "TIMESTAMP WITH TIME ZONE": "instant",
    "DATE": "date",
}

_TYPES: Final[dict[ValueType, str]] = {
    "text": "TEXT",
    "number": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "BIGINT",
}


def _kind(type_: str) -> Kind:
    return "decimal" if type_.startswith("DECIMAL") else _KINDS.get(type_, "other")


def _millionths(value: exp.Expr, kind: Kind) -> exp.Expr:
    if kind == "integer":
        return filled(
            "CASE WHEN :v BETWEEN -9200000000000 AND 9200000000000"
            " THEN CAST(:v AS BIGINT) * 1000000 END",
            "duckdb",
            value,
        )
    # The text of a double is the shortest decimal that it stands for.
    decimal = filled("TRY_CAST(CAST(:v AS TEXT) AS DECIMAL(20, 6))", "duckdb", value)
    return filled(
        "CASE WHEN ABS(:v) <= 9200000000000 THEN CAST(:v * 1000000 AS BIGINT) END",
        "duckdb",
        decimal,
    )


def _micros(value: exp.Expr, kind: Kind) -> exp.Expr:
    whole = value if kind == "instant" else exp.cast(value.copy(), "TIMESTAMP", dialect="duckdb")
    micros = call("epoch_us", whole)
    return exp.Case(ifs=[exp.If(this=call("isfinite", value.copy()), true=micros)])


def _counted(value: exp.Expr, _: Kind, by: int) -> exp.Expr:
    count = filled("TRY_CAST(CAST(:v AS TEXT) AS DECIMAL(26, 6))", "duckdb", value)
    times = exp.Mul(this=count, expression=number(by))
    return filled("TRY_CAST(FLOOR(:v) AS BIGINT)", "duckdb", times)


def _files(paths: Sequence[str]) -> exp.Expr:
    """Parquet files, or texts as CSV."""
    reader = "read_parquet" if paths[0].endswith((".parquet", ".parq")) else "read_csv"
    literals: list[exp.Expr] = [exp.Literal.string(path) for path in paths]
    return exp.Table(this=call(reader, exp.Array(expressions=literals)))


OWN: Final = OwnColumns(
    kind=_kind,
    null=lambda type_: exp.cast(exp.Null(), _TYPES[type_], dialect="duckdb"),
    text=lambda value, _: exp.cast(value, "TEXT", dialect="duckdb"),
    millionths=_millionths,
    micros=_micros,
    counted=_counted,
    digest=lambda text: call("left", call("sha256", text), number(32)),
    files=_files,
    is_nfc=lambda text: exp.EQ(this=call("nfc_normalize", text), expression=text.copy()),
)

DUCKDB: Final = Functions(
    dialect="duckdb",
    literal=exp.Literal.string,
    int128=_int128,
    total=lambda value: exp.Sum(this=value),  # of BIGINT: HUGEINT
    quotient=_quotient,
    bytewise=lambda text: text,
    lower=lambda text: call("lower", text),
    contains=lambda text, part: call("contains", text, exp.Literal.string(part)),
    starts_with=lambda text, part: call("starts_with", text, exp.Literal.string(part)),
    ends_with=lambda text, part: call("suffix", text, exp.Literal.string(part)),
    matches=_matches,
    digest=_digest,
    own=OWN,
)
