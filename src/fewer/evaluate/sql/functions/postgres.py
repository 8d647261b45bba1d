"""PostgreSQL's functions. Text is compared under collation "C": by UTF-8 bytes.

PostgreSQL's patterns are not RE2's, and what `lower` does depends on the server's locale. So an
engine looks for the values that match first, by `sets`, and asks for those: `matches` is given
the name of a table of values instead of a pattern, and `lower` is never reached.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from sqlglot import exp

from fewer.evaluate.sql.functions.base import Functions, Kind, OwnColumns
from fewer.evaluate.sql.functions.template import filled
from fewer.evaluate.sql.tree import call, column, named, number, select, table
from fewer.model.values import ValueType

MOST_COLUMNS: Final = 1_500
"""Columns of one query: PostgreSQL refuses more than 1,664, and tables of more than 1,600."""

_CODES: Final = {0: "\1\2\2", 1: "\1\2\3", 2: "\1\3\2", 3: "\1\3\3"}
_DECODED: Final = {code: chr(char) for char, code in _CODES.items()}
_CODED: Final = re.compile("\1[\2\3][\2\3]")


def escaped(text: str) -> str:
    r"""The text without NUL, which PostgreSQL can't store.

    Code points 0 to 3 become three others, of which the first is never second or third: so texts
    are equal, ordered, and parts of one another exactly when their escaped forms are.

    >>> escaped("a\0") == "a\1\2\2"
    True
    """
    return text.translate(_CODES)


def unescaped(text: str) -> str:
    r"""The text that was escaped.

    >>> unescaped(escaped("\3\2\1\0")) == "\3\2\1\0"
    True
    """
    return _CODED.sub(lambda found: _DECODED[found[0]], text) if "\1" in text else text


def _int128(value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.DECIMAL))


def _quotient(value: exp.Expr, by: int) -> exp.Expr:
    return exp.Div(this=exp.Paren(this=value), expression=number(by), typed=True)


def collated(text: exp.Expr) -> exp.Expr:
    """The text, to be compared by bytes."""
    return exp.Collate(this=text, expression=exp.Identifier(this="C", quoted=True))


def _lower(_: exp.Expr) -> exp.Expr:
    message = "a plan is resolved before PostgreSQL sees it: nothing is left to lower-case"
    raise TypeError(message)


def _matches(value: exp.Expr, name: str, _: bool) -> exp.Expr:
    same = exp.EQ(this=column("value", "v"), expression=value)
    return exp.Exists(this=select([named(number(1), "one")], table(name, "v"), where=same))


def _hex16(data: exp.Expr) -> exp.Expr:
    digits = call("encode", call("sha256", data), exp.Literal.string("hex"))
    return collated(call("left", digits, number(16)))


def _digest(salt: str, text: exp.Expr) -> exp.Expr:
    joined = exp.DPipe(this=exp.Literal.string(salt), expression=text)
    return _hex16(call("convert_to", joined, exp.Literal.string("UTF8")))


def _digest_of_escaped(salt: str, text: exp.Expr) -> exp.Expr:
    """In PostgreSQL's own escapes a text can name the byte 0."""
    whole: exp.Expr = exp.DPipe(this=exp.Literal.string(escaped(salt)), expression=text)
    whole = _replaced(whole, "\\", "\\\\")
    for char, code in _CODES.items():
        whole = _replaced(whole, code, f"\\{char:03o}")
    return _hex16(call("decode", whole, exp.Literal.string("escape")))


def _replaced(text: exp.Expr, old: str, new: str) -> exp.Expr:
    return call("replace", text, exp.Literal.string(old), exp.Literal.string(new))


def _contains(text: exp.Expr, part: str) -> exp.Expr:
    place = call("strpos", text, exp.Literal.string(part))
    return exp.GT(this=place, expression=number(0))


def _ends_with(text: exp.Expr, part: str) -> exp.Expr:
    end = collated(call("right", text, number(len(part))))
    return exp.EQ(this=end, expression=exp.Literal.string(part))


_KINDS: Final[dict[str, Kind]] = {
    "text": "text",
    "character varying": "text",
    "character": "text",
    "name": "text",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "decimal",
    "real": "float",
    "double precision": "float",
    "boolean": "boolean",
    "timestamp without time zone": "wall",
    "timestamp with time zone": "instant",
    "date": "date",
}

_TYPES: Final[dict[ValueType, str]] = {
    "text": "TEXT",
    "number": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "BIGINT",
}


def _null(type_: ValueType) -> exp.Expr:
    null = exp.cast(exp.Null(), _TYPES[type_], dialect="postgres")
    return collated(null) if type_ == "text" else null


def _text(value: exp.Expr, _: Kind) -> exp.Expr:
    return collated(exp.cast(value, "TEXT", dialect="postgres"))


def _number(value: exp.Expr, kind: Kind) -> exp.Expr:
    """As NUMERIC. A cast of a double keeps 15 digits only, its text is the shortest decimal."""
    template = "CAST(CAST(:v AS TEXT) AS DECIMAL)" if kind == "float" else "CAST(:v AS DECIMAL)"
    return filled(template, "postgres", value)


def _millionths(value: exp.Expr, kind: Kind) -> exp.Expr:
    # NUMERIC rounds half away from zero; its NaN is larger than every number.
    rounded = filled("ROUND(:v, 6)", "postgres", _number(value, kind))
    return filled(
        "CASE WHEN :v BETWEEN -9200000000000 AND 9200000000000"
        " THEN CAST(:v * 1000000 AS BIGINT) END",
        "postgres",
        rounded,
    )


def _counted(value: exp.Expr, kind: Kind, by: int) -> exp.Expr:
    count = filled("ROUND(:v, 6)", "postgres", _number(value, kind))
    times = exp.Mul(this=count, expression=number(by))
    return filled(
        "CASE WHEN :v BETWEEN -9200000000000000000 AND 9200000000000000000"
        " THEN CAST(FLOOR(:v) AS BIGINT) END",
        "postgres",
        exp.Paren(this=times),
    )


OWN: Final = OwnColumns(
    kind=lambda type_: _KINDS.get(type_, "other"),
    null=_null,
    text=_text,
    millionths=_millionths,
    micros=lambda value, _: filled(
        "CASE WHEN ISFINITE(:v) THEN CAST(EXTRACT(EPOCH FROM :v) * 1000000 AS BIGINT) END",
        "postgres",
        value,
    ),
    counted=_counted,
    digest=lambda text: collated(
        filled("LEFT(ENCODE(SHA256(CONVERT_TO(:v, 'UTF8')), 'hex'), 32)", "postgres", text)
    ),
    is_nfc=lambda text: exp.EQ(this=call("NORMALIZE", text), expression=text.copy()),
)

POSTGRES: Final = Functions(
    dialect="postgres",
    literal=exp.Literal.string,
    int128=_int128,
    total=lambda value: exp.Sum(this=value),  # of BIGINT: NUMERIC
    quotient=_quotient,
    bytewise=collated,
    lower=_lower,
    contains=_contains,
    starts_with=lambda text, part: call("starts_with", text, exp.Literal.string(part)),
    ends_with=_ends_with,
    matches=_matches,
    digest=_digest,
    most_columns=MOST_COLUMNS,
    own=OWN,
    wide_frames=False,  # MAX of a frame whose start moves is computed anew for every row
)

ESCAPED: Final = replace(
    POSTGRES,
    literal=lambda text: exp.Literal.string(escaped(text)),
    contains=lambda text, part: _contains(text, escaped(part)),
    starts_with=lambda text, part: POSTGRES.starts_with(text, escaped(part)),
    ends_with=lambda text, part: _ends_with(text, escaped(part)),
    digest=_digest_of_escaped,
)
"""The same over texts that were escaped, as copies of the project's own store are."""
