"""Scalars of YAML: what plain text means by the core schema of YAML 1.2.

Only ``true`` and ``false`` are booleans, dates and times are texts, ``010`` is ten. Numbers
with a point or an exponent become exact decimals, never floats.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_WORDS: Final[dict[str, bool | Decimal | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{s + w: Decimal(s + "Infinity") for s in ("", "+", "-") for w in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), Decimal("NaN")),
}
_NUMBER: Final = re.compile(
    r"(?P<int>[-+]?[0-9]+)"
    r"|0o(?P<oct>[0-7]+)"
    r"|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)",
    re.ASCII,
)
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_MOST_DIGITS: Final = 4_000  # Python refuses to read longer integers, on purpose


def read_plain(text: str) -> str | bool | int | Decimal | None:
    """Value of a plain (unquoted) scalar.

    >>> [read_plain(t) for t in ("NO", "12:30", "010", "0x1F", "1.50", "~", "1_000")]
    ['NO', '12:30', 10, 31, Decimal('1.50'), None, '1_000']
    """
    if text[:1] in _NUMBER_STARTS and (found := _NUMBER.fullmatch(text)):
        return _number(found)
    return _WORDS.get(text, text)


def _number(found: re.Match[str]) -> int | Decimal:
    text = found[0]
    if found["int"]:
        return int(text) if len(text) < _MOST_DIGITS else Decimal(text)
    if found["oct"]:
        return int(found["oct"], 8)
    if found["hex"]:
        return int(found["hex"], 16)
    return read_decimal(text)


def read_decimal(text: str) -> Decimal:
    """Exact decimal of a number as written; beyond all bounds, infinity or zero.

    >>> read_decimal("1e3"), read_decimal("1e99999999999999999999")
    (Decimal('1E+3'), Decimal('Infinity'))
    """
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent that no decimal can hold
        tiny = "e-" in text.lower() or not text.lower().partition("e")[0].strip("+-0.")
        return Decimal(0) if tiny else Decimal("-Infinity" if text[0] == "-" else "Infinity")
