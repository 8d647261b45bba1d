"""What the stored data holds: names, types, and the columns in which the values are found.

Names are the user's; columns are coded and safe (``p7_t``), given once by the store. A name
that the catalog does not know is simply missing for everyone.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from fewer.model.base import Frozen, FrozenMap, Name, freeze
from fewer.model.values import ValueType

ITEM_PREFIX: Final = "item."
"""What a definition writes before the name of an item's attribute."""

ITEM_ID: Final = "item_id"
"""The event property through which an event refers to an item. It is text."""

SESSION_ID: Final = "session_id"
"""What `same` in a sequence calls the derived session of an event."""

Column = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$")]
"""Coded name of a column: safe in any SQL."""

Typed = Annotated[
    dict[ValueType, Column],
    BeforeValidator(lambda v: dict(v) if isinstance(v, FrozenMap) else v),
    AfterValidator(freeze),
]
"""Columns of one property, trait or attribute: one for each type its values have."""

Named = Annotated[
    dict[Name, Typed],
    BeforeValidator(lambda v: dict(v) if isinstance(v, FrozenMap) else v),
    AfterValidator(freeze),
]


class Catalog(Frozen):
    """Names of everything a definition can refer to, with types and columns.

    >>> catalog = Catalog(
    ...     events={"view": 3},
    ...     properties={"path": {"text": "p1_t"}},
    ...     items={"brand": {"text": "i1_t"}},
    ... )
    >>> catalog.event_columns("path"), catalog.event_columns("item.brand")
    ({'text': 'p1_t'}, {'text': 'i1_t'})
    """

    events: Annotated[
        dict[Name, int],
        BeforeValidator(lambda v: dict(v) if isinstance(v, FrozenMap) else v),
        AfterValidator(freeze),
    ] = Field(FrozenMap(), description="Event name -> rows stored; 0 when not counted.")
    properties: Named = Field(FrozenMap(), description="Property -> columns of `events`.")
    traits: Named = Field(FrozenMap(), description="Trait -> columns of `people`.")
    items: Named = Field(FrozenMap(), description="Attribute -> columns of `items`.")
    lists: tuple[Name, ...] = ()
    purposes: tuple[Name, ...] = Field((), description="Purposes with a stored consent.")
    first_ts: int | None = Field(None, description="UTC micros of the oldest stored event.")
    last_ts: int | None = Field(None, description="UTC micros of the newest stored event.")

    def event_columns(self, name: str) -> dict[ValueType, str]:
        """Columns of a property, or of an attribute written ``item.NAME``; empty if unknown.

        The columns of an attribute are those of `items`.
        """
        if name.startswith(ITEM_PREFIX):
            return self.items.get(name.removeprefix(ITEM_PREFIX), {})
        return self.properties.get(name, {})
