"""Values of raw fields become text, number, boolean or timestamp, in SQL.

A conversion never fails a query: a value that can't be read becomes missing, and `Reading.lost`
says in which rows, so that it can be counted, or the row refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import sqlglot.expressions as exp

from fewer.data.sources import digits, times
from fewer.data.sources.fields import Field, Scope
from fewer.data.store.sql import call, fill, first_of, number, texts
from fewer.model.mapping import EPOCHS, PATH_SEPARATOR, Value
from fewer.model.number import to_micros
from fewer.model.values import ValueType

TRUE: Final = ("true", "t", "yes", "y", "1", "on")
FALSE: Final = ("false", "f", "no", "n", "0", "off")

_LIMIT: Final = 9_200_000_000_000
_PLAIN: Final = r"[ \t]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?[ \t]*"


@dataclass(frozen=True, slots=True)
class Reading:
    """How one mapped value is read.

    Attributes:
        values: Type -> value; several types when each row's own type decides.
        lost: True in rows where something was there that can't be read; None when it can't be.
    """

    values: dict[ValueType, exp.Expr]
    lost: exp.Expr | None


def read(scope: Scope, spec: Value, *, zone: str, as_type: ValueType | None = None) -> Reading:
    """Reading of a mapped value; `as_type` overrides the mapping's and the file's type."""
    wanted = as_type or spec.type
    if spec.constant is not None:
        return _constant(spec.constant, wanted)
    if spec.path is not None:
        return Reading({"text": _path(scope, spec.path)}, None)
    field = scope.get(spec.column or "")
    if spec.join is not None:
        return _present(scope, field, {"text": _joined(scope, field, spec.join)})
    if spec.split is not None or spec.map:
        wanted = "text"
    if wanted is None:
        return _own_type(scope, field, zone=spec.zone or zone)
    value = convert(scope, field, wanted, spec=spec, zone=spec.zone or zone)
    if wanted == "text":
        value = _rewrite(scope, value, spec)
    return _present(scope, field, {wanted: value})


def _present(scope: Scope, field: Field, values: dict[ValueType, exp.Expr]) -> Reading:
    if field.shape == "text" and set(values) == {"text"}:
        return Reading(values, None)
    read_ = first_of(*(fill("CAST($v AS VARCHAR)", v=value) for value in values.values()))
    lost = fill("$there AND $read IS NULL", there=there(scope, field), read=read_)
    return Reading(values, lost)


def there(scope: Scope, field: Field) -> exp.Expr:
    """Whether the row has a value at all."""
    if field.shape == "json":
        kind = scope.let(call("json_type", field.sql))
        return fill("$x IS NOT NULL AND $k <> 'NULL'", x=field.sql, k=kind)
    return fill("$x IS NOT NULL", x=field.sql)


def _constant(value: str | bool | Decimal, wanted: ValueType | None) -> Reading:
    if isinstance(value, str):
        return Reading({"text": exp.Literal.string(value)}, None)
    if isinstance(value, bool):
        return Reading({"boolean": exp.Boolean(this=value)}, None)
    if wanted == "text":
        return Reading({"text": exp.Literal.string(f"{value}")}, None)
    return Reading({"number": fill("CAST($n AS BIGINT)", n=number(to_micros(value) or 0))}, None)


def _own_type(scope: Scope, field: Field, *, zone: str) -> Reading:
    """The type that the file gives; for JSON, the type that each row gives."""
    types: tuple[ValueType, ...]
    match field.shape:
        case "int" | "float" | "decimal":
            types = ("number",)
        case "bool":
            types = ("boolean",)
        case "naive" | "nanos" | "aware" | "date":
            types = ("timestamp",)
        case "json":
            return _present(scope, field, _json_by_type(scope, field))
        case _:
            types = ("text",)
    return _present(
        scope,
        field,
        {t: convert(scope, field, t, spec=Value(column="x"), zone=zone) for t in types},
    )


def _json_by_type(scope: Scope, field: Field) -> dict[ValueType, exp.Expr]:
    kind = scope.let(call("json_type", field.sql))
    plain = _json_text(scope, field)
    return {
        "text": fill("CASE WHEN $k = 'VARCHAR' THEN $v END", k=kind, v=_nfc(plain)),
        "number": fill(
            "CASE WHEN $k IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN $v END",
            k=kind,
            v=_micros_of_text(plain),
        ),
        "boolean": fill("CASE WHEN $k = 'BOOLEAN' THEN $p = 'true' END", k=kind, p=plain),
    }


def _json_text(scope: Scope, field: Field) -> exp.Expr:
    """Text of a JSON scalar; NULL for null, objects and arrays, and for texts meaning missing."""
    kind = scope.let(call("json_type", field.sql))
    plain: exp.Expr = fill("json_extract_string($x, '$')", x=field.sql)
    plain = fill(
        "CASE WHEN $k NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN $plain END",
        k=kind,
        plain=_without_marks(plain, kind) if scope.relation.marked else plain,
    )
    for word in scope.relation.missing:
        plain = call("nullif", plain, word)
    return scope.let(plain)


def _without_marks(plain: exp.Expr, kind: exp.Expr) -> exp.Expr:
    return fill(
        "CASE WHEN $k = 'VARCHAR' THEN $p ELSE $n END", k=kind, p=plain, n=digits.unmarked(plain)
    )


def plain_text(scope: Scope, field: Field) -> exp.Expr:
    """Any scalar as text, as people write it: ``17850.0`` is 17850. Not normalised."""
    x = field.sql
    match field.shape:
        case "text":
            return x
        case "json":
            return _json_text(scope, field)
        case "float":
            return fill(
                "CASE WHEN $x = trunc($x) AND abs($x) < 1e15 THEN CAST(CAST($x AS BIGINT) AS "
                "VARCHAR) WHEN isfinite($x) THEN CAST($x AS VARCHAR) END",
                x=x,
            )
        case "decimal":
            return fill(
                "CASE WHEN contains(CAST($x AS VARCHAR), '.') THEN "
                "rtrim(rtrim(CAST($x AS VARCHAR), '0'), '.') ELSE CAST($x AS VARCHAR) END",
                x=x,
            )
        case "list" | "struct" | "map":
            return fill("CAST(NULL AS VARCHAR)")
        case _:
            return fill("CAST($x AS VARCHAR)", x=x)


def _nfc(value: exp.Expr) -> exp.Expr:
    return call("nfc_normalize", value)


def convert(scope: Scope, field: Field, wanted: ValueType, *, spec: Value, zone: str) -> exp.Expr:
    """SQL of a field's value as `wanted`: NULL when it is missing or can't be read."""
    match wanted:
        case "text":
            return _nfc(plain_text(scope, field))
        case "number":
            value = _number(scope, field, spec)
            return fill("$v // 1000000", v=value) if spec.micros else value
        case "boolean":
            return _boolean(scope, field)
        case "timestamp":
            return timestamp(scope, field, formats=spec.format or ("iso",), zone=zone)


# ----------------------------------------------------------------------------------------- text


def _rewrite(scope: Scope, value: exp.Expr, spec: Value) -> exp.Expr:
    if spec.split is not None:
        value = fill(
            "nullif(array_to_string(list_filter(list_transform(string_split($v, $sep), "
            "lambda part: trim(part)), lambda part: part <> ''), $between), '')",
            v=value,
            sep=spec.split,
            between=PATH_SEPARATOR,
        )
    if spec.map:
        value = replaced(scope.let(value), dict(spec.map), default=None)
    return value


def replaced(value: exp.Expr, mapping: dict[str, str], *, default: exp.Expr | None) -> exp.Expr:
    """`value`, or what the mapping has for it; `default` (else itself) for what it has not."""
    return exp.Case(
        ifs=[
            exp.If(this=fill("$v = $old", v=value, old=old), true=exp.Literal.string(new))
            for old, new in mapping.items()
        ],
        default=default if default is not None else value.copy(),
    )


def _path(scope: Scope, names: Sequence[str]) -> exp.Expr:
    """Levels joined with ' > ' down to the first that is missing."""
    levels = []
    for name in names:
        text = plain_text(scope, scope.get(name))
        levels.append(scope.let(call("nullif", call("trim", _nfc(text)), "")))
    case: exp.Expr = levels[-1]
    for level in reversed(levels[:-1]):
        case = fill(
            "CASE WHEN $rest IS NULL THEN $level ELSE $level || $between || $rest END",
            rest=case,
            level=level,
            between=PATH_SEPARATOR,
        )
    return case


def _joined(scope: Scope, field: Field, between: str) -> exp.Expr:
    if field.shape == "list":
        elements = fill("list_transform($x, lambda e: CAST(e AS VARCHAR))", x=field.sql)
    else:
        document = field.sql
        if field.shape == "text":
            document = fill("TRY_CAST($x AS JSON)", x=document)
        element = fill("json_extract_string(e, '$')")
        if scope.relation.marked:
            element = _without_marks(element, fill("json_type(e)"))
        elements = fill(
            "list_transform(CASE WHEN json_type($x) = 'ARRAY' THEN CAST($x AS JSON[]) END, "
            "lambda e: $element)",
            x=document,
            element=element,
        )
    return _nfc(
        fill(
            "array_to_string(list_filter($e, lambda e: e IS NOT NULL), $between)",
            e=elements,
            between=between,
        )
    )


# --------------------------------------------------------------------------------------- number


def _number(scope: Scope, field: Field, spec: Value) -> exp.Expr:
    x = field.sql
    match field.shape:
        case "int":
            return fill(
                "CASE WHEN $x BETWEEN $low AND $high THEN CAST($x AS BIGINT) * 1000000 END",
                x=x,
                low=number(-_LIMIT),
                high=number(_LIMIT),
            )
        case "float":
            return _micros_of_float(scope, x)
        case "bool":
            return fill("CAST($x AS BIGINT) * 1000000", x=x)
        case "decimal":
            return _micros(fill("TRY_CAST(CAST($x AS VARCHAR) AS DECIMAL(20, 6))", x=x))
        case "text" | "json":
            return _micros_of_text(_cleaned(plain_text(scope, field), spec), percent=spec.percent)
        case _:
            return fill("CAST(NULL AS BIGINT)")


def _micros_of_float(scope: Scope, x: exp.Expr) -> exp.Expr:
    """The shortest decimal that the float stands for, rounded half away from zero.

    Where a multiplication can't be wrong about the nearest whole number it is used; else the
    decimal is written out and read.
    """
    scaled = scope.let(fill("CAST($x AS DOUBLE) * 1e6", x=x))
    slow = _micros(fill("TRY_CAST(CAST($x AS VARCHAR) AS DECIMAL(20, 6))", x=x))
    return fill(
        "CASE WHEN abs($y) < 1e14 AND abs($y - round($y)) <= 0.4 THEN CAST(round($y) AS BIGINT) "
        "ELSE $slow END",
        y=scaled,
        slow=slow,
    )


def _cleaned(text: exp.Expr, spec: Value) -> exp.Expr:
    """The text with the decimal mark as '.', without thousands separators, signs and units."""
    value = text
    for char in spec.strip or "":
        value = call("replace", value, char, "")
    if spec.percent:
        value = fill("trim(rtrim(trim($v), '%'))", v=value)
    if spec.thousands:
        grouped = rf"[ ]*[+-]?[0-9]{{1,3}}({_literal(spec.thousands)}[0-9]{{2,3}})*([{spec.decimal}][0-9]*)?[ ]*"  # noqa: E501
        plain = rf"[ ]*[+-]?[0-9]*([{spec.decimal}][0-9]*)?([eE][+-]?[0-9]+)?[ ]*"
        value = fill(
            "CASE WHEN regexp_full_match($v, $grouped) OR regexp_full_match($v, $plain) "
            "THEN replace($v, $mark, '') END",
            v=value,
            grouped=grouped,
            plain=plain,
            mark=spec.thousands,
        )
    if spec.decimal == ",":
        # A point beside a decimal comma is a mistake, not a number a thousand times larger.
        value = fill("CASE WHEN NOT contains($v, '.') THEN replace($v, ',', '.') END", v=value)
    return value


def _literal(char: str) -> str:
    return f"[{char}]" if char not in "\\^]-" else f"\\{char}"


def _micros_of_text(text: exp.Expr, *, percent: bool = False) -> exp.Expr:
    decimal = "DECIMAL(22, 8)" if percent else "DECIMAL(20, 6)"
    read_ = fill(
        f"CASE WHEN regexp_full_match($t, $plain) THEN TRY_CAST($t AS {decimal}) END",
        t=text,
        plain=_PLAIN,
    )
    if percent:
        read_ = fill("CAST($d * 0.01 AS DECIMAL(20, 6))", d=read_)
    return _micros(read_)


def _micros(decimal: exp.Expr) -> exp.Expr:
    micros: exp.Expr = fill(
        "CASE WHEN abs($d) <= $limit THEN CAST($d * 1000000 AS BIGINT) END",
        d=decimal,
        limit=number(_LIMIT),
    )
    return micros


# ------------------------------------------------------------------------------ boolean and time


def _boolean(scope: Scope, field: Field) -> exp.Expr:
    if field.shape == "bool":
        return field.sql
    word = fill("lower(trim($t))", t=plain_text(scope, field))
    return fill(
        "CASE WHEN list_contains($yes, $w) THEN TRUE WHEN list_contains($no, $w) THEN FALSE END",
        yes=texts(TRUE),
        no=texts(FALSE),
        w=word,
    )


def timestamp(scope: Scope, field: Field, *, formats: Sequence[str], zone: str) -> exp.Expr:
    """UTC microseconds of a field; NULL when missing or unreadable."""
    match field.shape:
        case "naive" | "date":
            return times.from_timestamp(scope, field.sql, zone, nanos=False)
        case "nanos":
            return times.from_timestamp(scope, field.sql, zone, nanos=True)
        case "aware":
            return times.from_timestamptz(scope, field.sql)
    text = fill("trim($t)", t=plain_text(scope, field))
    if formats[0] in EPOCHS:
        count = fill(
            "CASE WHEN regexp_full_match($t, $plain) THEN TRY_CAST($t AS DECIMAL(26, 6)) END",
            t=scope.let(text),
            plain=_PLAIN,
        )
        return times.from_epoch(scope, count, formats[0])
    return times.from_text(scope, text, formats, zone)
