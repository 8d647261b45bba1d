"""Catalog: the names that stored data has, and the columns their values live in."""

from __future__ import annotations

from pydantic import Field

from fewer.model.base import Frozen
from fewer.model.values import ValueType

Columns = dict[ValueType, str]
"""One name's columns: a name whose values have two types has two columns."""


class Catalog(Frozen):
    """What one generation of the store holds, by name.

    >>> Catalog(properties={"value": {"number": "p2_n"}}).column("properties", "value", "number")
    'p2_n'
    """

    events: dict[str, int] = Field(default_factory=dict, description="Event name -> rows.")
    properties: dict[str, Columns] = Field(default_factory=dict, description="In `events`.")
    traits: dict[str, Columns] = Field(default_factory=dict, description="In `people`.")
    items: dict[str, Columns] = Field(
        default_factory=dict, description="In `items`; names without the 'item.' prefix."
    )
    lists: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    first_ts: int | None = Field(None, description="UTC microseconds of the oldest event.")
    last_ts: int | None = Field(None, description="UTC microseconds of the newest event.")

    def column(self, kind: str, name: str, value_type: ValueType) -> str | None:
        """Column of a name's values of one type; None when it has none of that type.

        `kind` is ``properties``, ``traits`` or ``items``.
        """
        names: dict[str, Columns] = getattr(self, kind)
        return names.get(name, {}).get(value_type)
