"""Tables in place: how the user's own tables read as events, people, items and lists.

The keys are those of a source's mapping where they mean the same. There is nothing here that
would need a copy: a column is read as it is, and its own type decides what its values are.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from fewer.model.base import Frozen, Name, Text, freeze
from fewer.model.mapping import (
    ITEM_PREFIX,
    ConsentValue,
    EventId,
    Names,
    Person,
    Zone,
)
from fewer.model.predicate import Scalar
from fewer.model.values import ValueType

TimeFormat = Literal["timestamp", "epoch_s", "epoch_ms", "epoch_us"]

MICROS: Final[dict[str, int]] = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
"""Microseconds in one of what an epoch format counts."""


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, dict | Frozen) else value


class TableTime(Frozen):
    """When: a column of times, or of numbers that count from 1970.

    >>> TableTime.model_validate("created_at").format
    'timestamp'
    """

    column: Name
    format: TimeFormat = Field("timestamp", description="Or epoch_s, epoch_ms, epoch_us.")
    zone: Zone | None = Field(None, description="Zone of times without one; else the project's.")

    @model_validator(mode="before")
    @classmethod
    def _column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.zone and self.format != "timestamp":
            msg = "no zone beside an epoch format: it counts in UTC"
            raise ValueError(msg)
        return self


class TableValue(Frozen):
    """Where one value comes from.

    >>> TableValue.model_validate("Total Value").column
    'Total Value'
    """

    column: Name | None = None
    constant: Scalar | None = Field(None, description="The same value for every row.")
    type: ValueType | None = Field(None, description="Default: the column's own type.")
    format: TimeFormat = Field("timestamp", description="Of a timestamp kept as a number.")
    zone: Zone | None = Field(None, description="Zone of times without one.")

    @model_validator(mode="before")
    @classmethod
    def _column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.column is None) == (self.constant is None):
            msg = "a column name, or {constant: ...}"
            raise ValueError(msg)
        if (self.zone or self.format != "timestamp") and self.type != "timestamp":
            msg = "'type: timestamp' beside zone and format"
            raise ValueError(msg)
        if self.constant is not None and self.type is not None:
            msg = "nothing beside 'constant'"
            raise ValueError(msg)
        return self


class TableName(Frozen):
    """A constant name, or a column of names."""

    constant: Name | None = None
    column: Name | None = None
    prefix: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, value: Any) -> Any:
        return {"constant": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.constant is None) == (self.column is None):
            msg = "a name, or {column: ...}"
            raise ValueError(msg)
        if self.constant is not None and self.prefix:
            msg = "nothing beside a constant name"
            raise ValueError(msg)
        return self


def _without_prefix(values: dict[str, TableValue]) -> Any:
    for name in values:
        if name.startswith(ITEM_PREFIX):
            msg = f"names without {ITEM_PREFIX!r} in front: it is reserved ({name!r})"
            raise ValueError(msg)
    return freeze(values)


Values = Annotated[dict[Name, TableValue], AfterValidator(_without_prefix)]

Wanted = Annotated[
    tuple[Scalar, ...],
    BeforeValidator(lambda v: tuple(v) if isinstance(v, list | tuple) else (v,)),
    Field(min_length=1),
]
"""One value, or a list of values of which a column must have one."""

Filter = Annotated[dict[Name, Wanted], AfterValidator(freeze)]
"""Column -> value or values that a row must have to be read."""

_PART = Annotated[str, StringConstraints(strict=True, min_length=1)]


class Located(Frozen):
    """Where the rows are: a table by its name, or files that DuckDB reads."""

    table: tuple[_PART, ...] | None = Field(
        None, min_length=1, max_length=3, description="'schema.table', or its parts as a list."
    )
    files: Names | None = Field(None, description="Parquet or CSV files, relative to fewer.yaml.")
    when: Filter = Field(default_factory=lambda: freeze({}), description="Column -> value(s).")

    @model_validator(mode="before")
    @classmethod
    def _parts(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("table"), str):
            return {**data, "table": tuple(data["table"].split("."))}
        return data

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.table is None) == (self.files is None):
            msg = "either 'table' or 'files'"
            raise ValueError(msg)
        return self

    @property
    def place(self) -> tuple[str, ...]:
        """What tells one table, or set of files, from another."""
        return self.table or ("", *(self.files or ()))

    @property
    def words(self) -> str:
        """As people call it."""
        return ".".join(self.table) if self.table else ", ".join(self.files or ())


class EventTable(Located):
    """A table with a row for each event."""

    event: TableName
    person: Person
    ts: TableTime
    id: EventId | None = Field(None, description="Default: a hash of what is mapped.")
    properties: Values = Field(default_factory=lambda: freeze({}))


class PeopleTable(Located):
    """A table with one row for each person."""

    person: Person
    traits: Values = Field(default_factory=lambda: freeze({}))
    consents: Annotated[dict[Name, ConsentValue], AfterValidator(freeze)] = Field(
        default_factory=lambda: freeze({}), description="Purpose -> column."
    )


class ItemTable(Located):
    """A table with one row for each item."""

    item_id: TableValue
    attributes: Values = Field(default_factory=lambda: freeze({}))


class ListTable(Located):
    """A table with a row for each person on a list."""

    list: TableName
    person: Person


class OwnTables(Frozen):
    """The user's own tables, read where they are."""

    events: Annotated[tuple[EventTable, ...], BeforeValidator(_several)] = ()
    people: PeopleTable | None = None
    items: ItemTable | None = None
    lists: Annotated[tuple[ListTable, ...], BeforeValidator(_several)] = ()

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if not self.events and self.people is None:
            msg = "at least one of events and people"
            raise ValueError(msg)
        return self

    @property
    def located(self) -> tuple[Located, ...]:
        """Every table."""
        single = [each for each in (self.people, self.items) if each is not None]
        return (*self.events, *single, *self.lists)


def _no_secret(url: str) -> str:
    if "@" in url or "password" in url.lower():
        msg = "a URL without user and password; else 'url_env' and an environment variable"
        raise ValueError(msg)
    return url


class EngineChoice(Frozen):
    """Which engine answers, and how it is reached.

    >>> EngineChoice.model_validate("duckdb").name
    'duckdb'
    """

    name: Name
    url_env: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z_]\w*$")] | None = (
        Field(None, description="Environment variable that holds the server's URL.")
    )
    url: Annotated[str, StringConstraints(strict=True), AfterValidator(_no_secret)] | None = Field(
        None, description="URL, where it holds no secret."
    )
    file: Name | None = Field(None, description="Database file, relative to fewer.yaml.")
    threads: Annotated[int, Field(ge=1, le=256, strict=True)] | None = None
    memory_limit: Annotated[str, StringConstraints(strict=True)] | None = Field(
        None, description="Such as '4GB'."
    )
    options: Annotated[dict[Text, Text], AfterValidator(freeze)] = Field(
        default_factory=lambda: freeze({}), description="The engine's own settings."
    )

    @model_validator(mode="before")
    @classmethod
    def _name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.url_env, self.url, self.file)) > 1:
            msg = "only one of url_env, url and file"
            raise ValueError(msg)
        return self
