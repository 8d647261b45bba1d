"""Digits of JSON numbers that a double would lose.

DuckDB reads the numbers of a JSON text as doubles, which hold 15 digits of any decimal but not
every 16th: 4611686018427.387904 would become 4611686018427.388. Numbers beyond the range of a
double it keeps as they are written. So such a number is given an exponent that no double has
when its line is read (`keep`), and loses it again wherever it becomes text (`unmarked`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import sqlglot.expressions as exp

from fewer.data.store.sql import call

MARK: Final = "e+0099999"

# Outside this range, micro-units are 0 or missing, whatever the digits.
_LEAST: Final = 1e-7
_MOST: Final = 1e19

_SAFE: Final = 15  # digits of any decimal that a double holds
_LONG: Final = re.compile(r"[0-9][0-9.]{15,}(?:[eE][+-]?[0-9]+)?")
_STRING: Final = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_IN_STRING: Final = rf"\u{ord(MARK[0]):04x}{MARK[1:]}"  # the same text, escaped


def keep(row: str) -> str:
    """The JSON text with every number marked that a double would change.

    Rows without one, nearly all, are returned as they are; invalid JSON stays invalid.

    >>> keep('{"a": 9199999999999.999999, "b": 0.30000000000000004, "c": "9199999999999.999999"}')
    '{"a": 9199999999999.999999e+0099999, "b": 0.30000000000000004, "c": "9199999999999.999999"}'
    """
    if MARK in row or any(_exact(long) for long in _LONG.findall(row)):
        parts = _STRING.split(row)
        parts[::2] = [_NUMBER.sub(_marked, part) for part in parts[::2]]
        parts[1::2] = [string.replace(MARK, _IN_STRING) for string in parts[1::2]]
        return "".join(parts)
    return row


def unmarked(value: exp.Expr) -> exp.Expr:
    """Text of a number, or of JSON, without marks."""
    return call("replace", value, MARK, "")


def _marked(match: re.Match[str]) -> str:
    number = match[0]
    if number.endswith(MARK):
        return f"{number.removesuffix(MARK)}e+99999"  # the file's own, and as large
    exact = _exact(number) if len(number) > _SAFE else None
    return f"{exact}{MARK}" if exact else number


def _exact(written: str) -> str | None:
    """The number without exponent and trailing zeros; None when a double has all its digits."""
    if written.removeprefix("-").isdigit():
        return None  # DuckDB keeps whole numbers of any length
    try:
        near = float(written)
    except ValueError:
        return None  # dots and digits in a text
    if not _LEAST <= abs(near) <= _MOST or repr(near) == written:
        return None
    exact = Decimal(written)
    if exact == Decimal(repr(near)):
        return None
    whole, _, places = f"{exact:f}".partition(".")
    return f"{whole}.{places.rstrip('0') or '0'}"
