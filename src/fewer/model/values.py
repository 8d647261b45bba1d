"""The five types a value can have. Missing is the absence of a value, so it has no name here."""

from __future__ import annotations

from typing import Final, Literal

ValueType = Literal["text", "number", "boolean", "timestamp"]

VALUE_TYPES: Final[tuple[ValueType, ...]] = ("text", "number", "boolean", "timestamp")

SUFFIX: Final[dict[ValueType, str]] = {
    "text": "_t",
    "number": "_n",
    "boolean": "_b",
    "timestamp": "_s",
}
"""Ending of the stored column that holds values of this type."""
