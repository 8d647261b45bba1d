"""What a generation remembers beside the versions of its tables."""

from __future__ import annotations

from pydantic import Field

from fewer.model.base import Frozen


class TableState(Frozen):
    """One Delta table in one generation."""

    version: int
    rows: int
    columns: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Source -> coded columns that some file of it has."
    )


class Facts(Frozen):
    """What readers would otherwise have to compute from the data."""

    sources: tuple[str, ...] = Field((), description="In the order of fewer.yaml.")
    next_person: int = 0
    next_seq: int = 1
    events: dict[str, int] = Field(default_factory=dict, description="Event name -> rows.")
    lists: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    first_ts: int | None = None
    last_ts: int | None = None
    merges: str = Field("", description="Digest of which identities are one person; empty: none.")
    versioned: tuple[str, ...] = Field(
        (), description="Tables in which one key has several rows, so that versions must be chosen."
    )


class RowCounts(Frozen):
    """What became of the rows of one file; ``stored + duplicate + refused + filtered == read``."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    filtered: int = 0
    reasons: dict[str, int] = Field(
        default_factory=dict, description="Reason -> refusals; a row can be refused in part."
    )
    warnings: dict[str, int] = Field(
        default_factory=dict, description="'value_not_number price' -> values made missing."
    )
    made: dict[str, int] = Field(
        default_factory=dict, description="Rows added to each table: events, people, ..."
    )
