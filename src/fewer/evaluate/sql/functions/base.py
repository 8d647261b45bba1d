"""What a table of functions must say about an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from fewer.evaluate.sql.tree import number
from fewer.model.values import ValueType

Unary = Callable[[exp.Expr], exp.Expr]
Needle = Callable[[exp.Expr, str], exp.Expr]


def lag(value: exp.Expr, by: int) -> exp.Expr:
    """LAG as the standard has it: null where there is no such row."""
    return exp.Anonymous(this="LAG", expressions=[value, number(by)])


Kind = Literal["text", "integer", "decimal", "float", "boolean", "wall", "instant", "date", "other"]
"""What a column of a user's table holds: `wall` is a time without zone, `instant` one with."""

Read = Callable[[exp.Expr, Kind], exp.Expr]


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """How an engine reads columns that it did not make itself. Null stays null."""

    kind: Callable[[str], Kind]
    """Kind of a column, from its type as the engine's own catalog writes it."""

    null: Callable[[ValueType], exp.Expr]
    """NULL of a type: numbers and timestamps are 64-bit integers."""

    text: Read
    """As text, compared by bytes: of text, integers, decimals, booleans, or anything as it is
    shown."""

    millionths: Read
    """A number of any kind in millionths, as a 64-bit integer: rounded half away from zero from
    the shortest decimal that it stands for; null for what is not finite or beyond ±9.2e12."""

    micros: Read
    """Microseconds since 1970 of an instant, or of a wall time or date as if it were UTC."""

    counted: Callable[[exp.Expr, Kind, int], exp.Expr]
    """Microseconds of a number that counts so many of them: the number rounded to six places as
    any other is, the microseconds rounded down; null beyond 64 bits."""

    digest: Callable[[exp.Expr], exp.Expr]
    """32 hex digits of SHA-256 of a text."""

    files: Callable[[Sequence[str]], exp.Expr] | None = None
    """A relation over files by their paths; None where files can't be read."""

    is_nfc: Callable[[exp.Expr], exp.Expr] | None = None
    """Whether a text is in Unicode's normal form C; None where that can't be asked."""


@dataclass(frozen=True, slots=True)
class Functions:
    """Functions of an engine whose meaning differs between engines.

    Everything else is integer arithmetic, comparisons, CASE, COUNT, SUM, MIN, MAX, LAG,
    ROW_NUMBER and RANGE frames over integers, which mean the same everywhere. Nothing here is
    left to transpilation: an engine's table builds the engine's own function calls.
    """

    dialect: str
    """Name of the SQLGlot dialect that writes the tree as text."""

    literal: Callable[[str], exp.Expr]
    """A text, whatever it contains."""

    int128: Unary
    """The integer with at least 128 bits, so that products and sums can't overflow."""

    total: Unary
    """Sum over a group of 64-bit integers, in at least 128 bits; null for no values."""

    quotient: Callable[[exp.Expr, int], exp.Expr]
    """Whole part of a non-negative integer divided by a positive one."""

    bytewise: Unary
    """Text in the order of its UTF-8 bytes."""

    lower: Unary
    """Lower case by Unicode's simple mapping; İ gives i, Σ gives σ."""

    contains: Needle
    """Whether the text contains the (non-empty) literal, compared by code point."""

    starts_with: Needle
    """Whether it starts with the literal."""

    ends_with: Needle
    """Whether it ends with the literal."""

    matches: Callable[[exp.Expr, str, bool], exp.Expr]
    """Whether some part of the text matches the portable pattern; the flag: lower-cased."""

    digest: Callable[[str, exp.Expr], exp.Expr]
    """First 16 hex digits, in lower case, of SHA-256 of literal and text put together."""

    most_columns: int = 100_000
    """Columns that one query may have; results with more are split."""

    lag: Callable[[exp.Expr, int], exp.Expr] = lag
    """Value some rows earlier in a window; null where there is no such row."""

    wide_frames: bool = True
    """Whether RANGE frames reach over distances of 64 bits, and moving ones cost no more than
    growing ones; without, sequences use only frames that start with the partition."""

    own: OwnColumns | None = None
    """How columns of the user's own tables are read; None where that can't be done."""
