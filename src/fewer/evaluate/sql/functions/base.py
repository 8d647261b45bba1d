"""What a table of functions must say about an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from fewer.evaluate.sql.tree import number

Unary = Callable[[exp.Expr], exp.Expr]
Needle = Callable[[exp.Expr, str], exp.Expr]


def lag(value: exp.Expr, by: int) -> exp.Expr:
    """LAG as the standard has it: null where there is no such row."""
    return exp.Anonymous(this="LAG", expressions=[value, number(by)])


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
