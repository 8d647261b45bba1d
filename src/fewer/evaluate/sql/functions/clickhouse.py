"""ClickHouse's functions. Text is bytes, compared as such; patterns are RE2's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions, Kind, OwnColumns
from fewer.evaluate.sql.functions.template import filled
from fewer.evaluate.sql.tree import call, nested, number, select
from fewer.model.pattern import translate
from fewer.model.values import ValueType


def _lower(text: exp.Expr) -> exp.Expr:
    # lowerUTF8 knows the full mapping: İ would become two characters, Σ another one at the end
    # of a word. With these two out of the way it does what the simple mapping does.
    for capital, small in (("İ", "i"), ("Σ", "σ")):
        text = call("replaceAll", text, exp.Literal.string(capital), exp.Literal.string(small))
    return call("lowerUTF8", text)


def _contains(text: exp.Expr, part: str) -> exp.Expr:
    place = call("position", text, exp.Literal.string(part))
    return exp.GT(this=place, expression=number(0))


_PARTS: Final = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|[^\x00-\x7f]", re.DOTALL)


def _matches(text: exp.Expr, pattern: str, fold: bool) -> exp.Expr:
    # ClickHouse looks for a text that every match must contain, and takes the first bytes of a
    # character for one that `*` or `?` makes optional. Of a class it knows nothing.
    written = _PARTS.sub(
        lambda part: part[0] if part[0][0] in "\\[" else f"[{part[0]}]",
        translate(pattern, lower=fold),
    )
    return call("match", text, exp.Literal.string(written))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    return _short_digest(call("concat", exp.Literal.string(salt), text), 16)


def _lag(value: exp.Expr, by: int) -> exp.Expr:
    # Without a row, `lag` gives the default of the type: 0, unless the type has null.
    return call("lag", call("toNullable", value), number(by))


_KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    (r"String|FixedString\(.*", "text"),
    (r"U?Int(8|16|32|64|128|256)", "integer"),
    (r"Decimal\(.*", "decimal"),
    (r"Float(32|64)", "float"),
    (r"Bool", "boolean"),
    (r"Wall DateTime64\(.*", "wall"),  # our own word: a file's time without zone
    (r"DateTime(64)?(\(.*)?", "instant"),  # seconds since 1970, whatever zone they are shown in
    (r"Date(32)?", "date"),
)

_TYPES: Final[dict[ValueType, str]] = {
    "text": "Nullable(String)",
    "number": "Nullable(Int64)",
    "boolean": "Nullable(Bool)",
    "timestamp": "Nullable(Int64)",
}


def _kind(type_: str) -> Kind:
    while wrapped := re.fullmatch(r"(?:Nullable|LowCardinality)\((.*)\)", type_):
        type_ = wrapped[1]
    found: list[Kind] = [kind for form, kind in _KINDS if re.fullmatch(form, type_)]
    return found[0] if found else "other"


def _cast(value: exp.Expr, to: str) -> exp.Expr:
    return exp.cast(value, to, dialect="clickhouse")


def _decimal(value: exp.Expr, kind: Kind, places: int) -> exp.Expr:
    """As a decimal of 76 digits; further places are cut off."""
    if kind == "float":  # the text of a double is the shortest decimal that it stands for
        return call("toDecimal256OrNull", call("toString", value), number(places))
    return call("toDecimal256", value, number(places))


def _int64(value: exp.Expr) -> exp.Expr:
    """As a 64-bit integer; null beyond."""
    return call("accurateCastOrNull", call("toInt256", value), exp.Literal.string("Int64"))


def _millionths(value: exp.Expr, kind: Kind) -> exp.Expr:
    if kind == "integer":
        return filled(
            "CASE WHEN :v BETWEEN -9200000000000 AND 9200000000000 THEN toInt64(:v) * 1000000 END",
            "clickhouse",
            value,
        )
    # Whether the sixth place is rounded up depends on the seventh alone.
    rounded = call("round", _decimal(value, kind, 7), number(6))
    micros = _int64(exp.Mul(this=rounded.copy(), expression=number(1_000_000)))
    largest = number(9_200_000_000_000)
    fits = exp.LTE(this=call("abs", rounded), expression=largest)
    return exp.Case(ifs=[exp.If(this=fits, true=micros)])


def _micros(value: exp.Expr, _: Kind) -> exp.Expr:
    instant = call("toDateTime64", value, number(6), exp.Literal.string("UTC"))
    return call("toUnixTimestamp64Micro", instant)


def _counted(value: exp.Expr, kind: Kind, by: int) -> exp.Expr:
    rounded = call("round", _decimal(value.copy(), kind, 7), number(6))
    count = call("toInt256", value) if kind == "integer" else rounded
    return _int64(call("floor", exp.Mul(this=count, expression=number(by))))


def _files(paths: Sequence[str]) -> exp.Expr:
    """Parquet files, or texts as CSV with a line of names."""
    reads = [select([exp.Star()], exp.Table(this=file_of(path))) for path in paths]
    found: exp.Query = reads[0]
    for read in reads[1:]:
        found = exp.Union(this=found, expression=read, distinct=False)
    return nested(found, "files")


def file_of(path: str) -> exp.Expr:
    """Rows of one file of the user's."""
    form = "Parquet" if path.endswith((".parquet", ".parq")) else "CSVWithNames"
    return call("file", exp.Literal.string(path), exp.Literal.string(form))


def _short_digest(text: exp.Expr, digits: int) -> exp.Expr:
    whole = call("lower", call("hex", call("SHA256", text)))
    return call("substring", whole, number(1), number(digits))


OWN: Final = OwnColumns(
    kind=_kind,
    null=lambda type_: _cast(exp.Null(), _TYPES[type_]),
    text=lambda value, _: _cast(call("toString", value), "String"),  # a cast ends LowCardinality
    millionths=_millionths,
    micros=_micros,
    counted=_counted,
    digest=lambda text: _short_digest(text, 32),
    files=_files,
    is_nfc=lambda text: exp.EQ(this=call("normalizeUTF8NFC", text), expression=text.copy()),
)

CLICKHOUSE: Final = Functions(
    dialect="clickhouse",
    literal=exp.Literal.string,
    int128=lambda value: call("toInt128", value),  # unlike CAST, null stays null
    total=lambda value: exp.Sum(this=call("toInt128", value)),
    quotient=lambda value, by: call("intDiv", value, number(by)),
    bytewise=lambda text: text,
    lower=_lower,
    contains=_contains,
    starts_with=lambda text, part: call("startsWith", text, exp.Literal.string(part)),
    ends_with=lambda text, part: call("endsWith", text, exp.Literal.string(part)),
    matches=_matches,
    digest=_digest,
    lag=_lag,
    own=OWN,
    wide_frames=False,  # offsets are limited to 32 bits, and moving frames start anew at each row
)
