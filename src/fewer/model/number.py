"""Exact numbers: decimals with six places, held as whole micro-units.

Every comparison and sum in the product is integer arithmetic on micro-units, so no
engine can round differently. ``3.5`` is ``3_500_000``.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

MICRO = 1_000_000
PLACES = 6
LIMIT = Decimal("9.2e12")  # beyond it micro-units would leave a signed 64-bit integer


class NumberError(ValueError):
    """Not a number that a definition can hold; the message says what was expected."""


_STEP = Decimal("0.000001")
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_UP)  # half away from zero
_MOST_DIGITS = 40  # digits before the point worth reading; longer is beyond LIMIT anyway


def to_micros(value: float | Decimal | str) -> int | None:
    """Micro-units of `value`, rounded half away from zero; None when it has no exact place.

    Not-a-number, infinities, unreadable text and anything beyond ±9.2e12 give None.

    >>> to_micros(3.5), to_micros("0.0000005"), to_micros(-0.0000005), to_micros(float("nan"))
    (3500000, 1, -1, None)
    """
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
        return None
    if number.adjusted() < -_MOST_DIGITS:
        return 0
    rounded = number.quantize(_STEP, context=_CONTEXT)
    return int(rounded.scaleb(PLACES, context=_CONTEXT)) if abs(rounded) <= LIMIT else None


def from_micros(micros: int) -> Decimal:
    """The decimal that `micros` stands for, without trailing zeros.

    >>> from_micros(3_500_000), from_micros(-1)
    (Decimal('3.5'), Decimal('-0.000001'))
    """
    number = Decimal(micros).scaleb(-PLACES, context=_CONTEXT)
    whole = number.to_integral_value(context=_CONTEXT)
    return whole if number == whole else number.normalize(_CONTEXT)


def read_number(value: Any) -> Decimal:
    """A number literal, rounded to six places; `NumberError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        msg = "a number"
        raise NumberError(msg)
    micros = to_micros(value)
    if micros is None:
        msg = "a finite number between -9.2e12 and 9.2e12"
        raise NumberError(msg)
    return from_micros(micros)


def plain(value: Decimal) -> int | float | Decimal:
    """The simplest Python number that says exactly the same.

    >>> plain(Decimal("3")), plain(Decimal("0.5"))
    (3, 0.5)
    """
    if value == value.to_integral_value():
        return int(value)
    as_float = float(value)
    return as_float if Decimal(repr(as_float)) == value else value


Number = Annotated[
    Decimal,
    BeforeValidator(read_number),
    PlainSerializer(plain, return_type=Any),
    WithJsonSchema({"type": "number", "minimum": -9.2e12, "maximum": 9.2e12}),
]
"""Number literal of a definition: exact to six places. Text and booleans are refused."""
