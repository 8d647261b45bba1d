"""Mappings: how the rows of a file become events, people, items, lists and ad reports.

The models mirror ``fewer.yaml`` key by key. A bare text is always a column; everything else is
spelled out (``{constant: ...}``, ``{path: [...]}``), so a mapping never guesses.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from fewer.model.base import Frozen, FrozenMap, Name, Text, freeze
from fewer.model.predicate import Scalar, Where
from fewer.model.values import ValueType

PATH_SEPARATOR: Final = " > "
"""Between the levels of a category path, as stored and as conditions write it."""

EPOCHS: Final = ("epoch_s", "epoch_ms", "epoch_us")
ITEM_PREFIX: Final = "item."
STAR: Final = "*"
ITEM_ID: Final = "item_id"


def zone_name(name: str) -> str:
    """Return an IANA time zone's name; ValueError when there is no such zone."""
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        msg = "an IANA time zone such as UTC, Europe/Berlin or America/New_York"
        raise ValueError(msg) from None
    return name


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str | dict | Frozen) else value


def _short(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)


Zone = Annotated[str, StringConstraints(strict=True), AfterValidator(zone_name)]
"""Name of an IANA time zone."""

Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(_one_or_more),
    Field(min_length=1),
    PlainSerializer(_short, return_type=Any),
]
"""One name, or a list of names."""

SourceId = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""Id of a source: it names files in the store, so it is short and plain."""

TextMap = Annotated[dict[Text, Text], AfterValidator(freeze)]
NameMap = Annotated[dict[Text, Name], AfterValidator(freeze)]

Char = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1)]


class Value(Frozen):
    """Where one value comes from, and how it is read.

    >>> Value.model_validate("sales_value").column
    'sales_value'
    """

    column: Name | None = Field(None, description="Column, or dotted path into objects.")
    constant: Scalar | None = Field(None, description="The same value for every row.")
    path: tuple[Name, ...] | None = Field(
        None, min_length=1, description="Columns joined to a category path, 'a > b > c'."
    )
    type: ValueType | None = Field(None, description="Default: the column's own type.")
    required: bool = Field(
        default=False, strict=True, description="Refuse the row when the value can't be read."
    )
    map: TextMap | None = Field(None, description="Texts to replace by others.")
    split: Text | None = Field(None, min_length=1, description="Delimiter of a path in one column.")
    join: Text | None = Field(None, description="Text between the elements of an array.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of numbers in text.")
    thousands: Char | None = Field(None, description="Thousands separator of numbers in text.")
    percent: bool = Field(default=False, strict=True, description="'12.5%' is read as 0.125.")
    strip: Text | None = Field(None, description="Characters to remove, such as '$€ '.")
    micros: bool = Field(
        default=False, strict=True, description="Millionths: 1250000 is read as 1.25."
    )
    zone: Zone | None = Field(None, description="Zone of times without offset.")
    format: Names | None = Field(None, description="iso, epoch_s, epoch_ms, epoch_us, strptime.")

    @model_validator(mode="before")
    @classmethod
    def _column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [n for n in ("column", "constant", "path") if getattr(self, n) is not None]
        if len(given) != 1:
            msg = "a column name, or exactly one of column, constant and path"
            raise ValueError(msg)
        fields = type(self).model_fields
        set_ = {name for name in fields if getattr(self, name) != fields[name].default}
        if self.constant is not None and set_ - {"constant", "type"}:
            msg = "nothing beside 'constant'"
            raise ValueError(msg)
        number = {"decimal", "thousands", "percent", "strip", "micros"} & set_
        if number and self.type != "number":
            msg = f"'type: number' beside {', '.join(sorted(number))}"
            raise ValueError(msg)
        if (self.zone or self.format) and self.type != "timestamp":
            msg = "'type: timestamp' beside zone and format"
            raise ValueError(msg)
        if self.thousands == self.decimal:
            msg = "a thousands separator other than the decimal mark"
            raise ValueError(msg)
        textual = self.path or self.split is not None or self.map or self.join is not None
        if textual and self.type not in (None, "text"):
            msg = "text: path, split, join and map make texts"
            raise ValueError(msg)
        return self


class Flatten(Frozen):
    """All keys of an object column, each a property: nested keys are joined with dots."""

    column: Name | None = Field(None, description="Object column; none: all columns of the file.")
    arrays: Literal["refuse", "join"] = Field(
        "refuse", description="Lists of values: leave out and count, or join with ', '."
    )
    skip: tuple[Name, ...] = Field((), description="Keys to leave out.")
    prefix: Text = Field("", description="Text before each property's name.")

    @model_validator(mode="before")
    @classmethod
    def _column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class PersonKey(Frozen):
    """A column that says who the person is."""

    column: Name
    prefix: Text = Field("", description="Text before the key, to keep two kinds of ids apart.")
    kind: Literal["known", "anonymous"] = Field(
        "known", description="anonymous: a device or cookie id, not a person one knows."
    )

    @model_validator(mode="before")
    @classmethod
    def _column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class Person(Frozen):
    """Who a row is about: the first column of a list that has a value.

    >>> [key.column for key in Person.model_validate({"first_of": ["user_id", "cookie"]}).first_of]
    ['user_id', 'cookie']
    """

    first_of: tuple[PersonKey, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, value: Any) -> Any:
        if isinstance(value, str) or (isinstance(value, dict) and "column" in value):
            return {"first_of": [value]}
        return value


class Time(Frozen):
    """When: a column, and how its times are written.

    >>> Time.model_validate("created_at").format
    ('iso',)
    """

    column: Name | None = None
    columns: tuple[Name, ...] | None = Field(
        None, min_length=2, description="Date and time in separate columns, joined with a space."
    )
    constant: Text | None = Field(None, description="The same time for every row, ISO.")
    zone: Zone | None = Field(None, description="Zone of times without offset; else the project's.")
    format: Names = Field(("iso",), description="iso, epoch_s, epoch_ms, epoch_us, or strptime.")

    @model_validator(mode="before")
    @classmethod
    def _column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sum(v is not None for v in (self.column, self.columns, self.constant)) != 1:
            msg = "a column name, or exactly one of column, columns and constant"
            raise ValueError(msg)
        check_formats(self.format)
        return self


def check_formats(formats: tuple[str, ...]) -> None:
    """ValueError unless each format is a known name or holds strptime codes; epochs go alone."""
    for text in formats:
        if text not in ("iso", *EPOCHS) and "%" not in text:
            msg = f"iso, {', '.join(EPOCHS)}, or strptime codes such as '%d/%m/%Y %H:%M'"
            raise ValueError(msg)
    if len(formats) > 1 and any(text in EPOCHS for text in formats):
        msg = "an epoch format alone"
        raise ValueError(msg)


class EventName(Frozen):
    """What happened: a constant name, or a column of names, some replaced."""

    constant: Name | None = None
    column: Name | None = None
    map: NameMap | None = Field(
        None, description="Source text -> event name; texts that are not listed are refused."
    )
    default: Name | None = Field(None, description="Name for texts that the map does not list.")
    prefix: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, value: Any) -> Any:
        return {"constant": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.constant is None) == (self.column is None):
            msg = "an event name, or {column: ...}"
            raise ValueError(msg)
        if self.constant is not None and (self.map or self.default or self.prefix):
            msg = "nothing beside a constant name"
            raise ValueError(msg)
        if self.default and not self.map:
            msg = "'map' beside 'default'"
            raise ValueError(msg)
        return self


class EventId(Frozen):
    """The source's own id of an event: columns joined with '/'."""

    columns: Names
    prefix: Text = Field("", description="Text before the id, to keep two kinds of events apart.")

    @model_validator(mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return {"columns": value} if isinstance(value, str | list | tuple) else value


def _names_of_values(values: dict[str, Any]) -> FrozenMap[str, Any]:
    for name in values:
        if name.startswith(ITEM_PREFIX):
            msg = f"names without {ITEM_PREFIX!r} in front: it is reserved ({name!r})"
            raise ValueError(msg)
    return freeze(values)


Values = Annotated[dict[Name, Value], AfterValidator(_names_of_values)]


def _split_star(data: Any, field: str) -> Any:
    """Move ``"*"`` out of a mapping of values, to a field of its own."""
    if isinstance(data, dict) and isinstance(data.get(field), dict) and STAR in data[field]:
        values = dict(data[field])
        return {**data, field: values, "flatten": values.pop(STAR)}
    return data


class EventMapping(Frozen):
    """A row's event: name, person, time, properties."""

    event: EventName
    person: Person
    ts: Time
    id: EventId | None = Field(None, description="Default: a hash of what is mapped.")
    when: Where | None = Field(None, description="Rows for which this is false give no event.")
    explode: Name | None = Field(None, description="Array column: one event for each element.")
    properties: Values = Field(default_factory=lambda: freeze({}))
    flatten: Flatten | None = Field(None, description="Written '*' among the properties.")

    @model_validator(mode="before")
    @classmethod
    def _star(cls, data: Any) -> Any:
        return _split_star(data, "properties")


class ConsentValue(Frozen):
    """A column, and which of its texts mean granted and denied; all others mean unknown."""

    column: Name | None = None
    constant: Literal["granted", "denied"] | None = None
    granted: tuple[Text, ...] = ("true", "yes", "1", "y", "t", "granted")
    denied: tuple[Text, ...] = ("false", "no", "0", "n", "f", "denied")

    @model_validator(mode="before")
    @classmethod
    def _column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.column is None) == (self.constant is None):
            msg = "a column name, or {constant: granted}"
            raise ValueError(msg)
        if set(self.granted) & set(self.denied):
            msg = "each text either granted or denied"
            raise ValueError(msg)
        return self


ContactKind = Literal["email", "phone", "address", "first_name", "last_name", "postcode", "country"]


class PeopleMapping(Frozen):
    """A row's person: traits, consents and contact identifiers."""

    person: Person
    valid_from: Time | None = Field(None, description="Default: always valid.")
    when: Where | None = None
    traits: Values = Field(default_factory=lambda: freeze({}))
    flatten: Flatten | None = Field(None, description="Written '*' among the traits.")
    consents: Annotated[dict[Name, ConsentValue], AfterValidator(freeze)] = Field(
        default_factory=lambda: freeze({}), description="Purpose -> column."
    )
    contacts: Annotated[dict[ContactKind | Name, Name], AfterValidator(freeze)] = Field(
        default_factory=lambda: freeze({}), description="Kind -> column; encrypted in the store."
    )

    @model_validator(mode="before")
    @classmethod
    def _star(cls, data: Any) -> Any:
        return _split_star(data, "traits")


class ItemsMapping(Frozen):
    """A row's item: its attributes, which conditions read as ``item.NAME``."""

    item_id: Value
    valid_from: Time | None = None
    when: Where | None = None
    attributes: Values = Field(default_factory=lambda: freeze({}))
    flatten: Flatten | None = Field(None, description="Written '*' among the attributes.")

    @model_validator(mode="before")
    @classmethod
    def _star(cls, data: Any) -> Any:
        return _split_star(data, "attributes")


class ListsMapping(Frozen):
    """A row's place on a list."""

    list: EventName = Field(description="A constant id, or {column: ...}.")
    person: Person
    valid_from: Time | None = None
    when: Where | None = None


AdPlatform = Literal[
    "google", "linkedin", "meta", "microsoft", "reddit", "snapchat", "tiktok", "x"
]  # fmt: skip
"""Ad platforms whose report columns are known."""


class AdReportMapping(Frozen):
    """A row's ad performance of one day."""

    from_: AdPlatform | None = Field(
        None,
        alias="from",
        description="Platform whose columns these are; keys beside it win over what it knows.",
    )
    day: Time | None = Field(None, description="Needed without 'from'.")
    account_zone: Zone | None = Field(
        None,
        description="Zone of the ad account, for reports by the hour or in UTC: days are its days.",
    )
    action: Text | None = Field(
        None, description="The action type that counts as a conversion, where rows are by type."
    )
    when: Where | None = None
    platform: Value | None = None
    account: Value | None = None
    campaign: Value | None = None
    campaign_name: Value | None = Field(None, description="Beside an id: names change, ids don't.")
    ad_set: Value | None = None
    ad_set_name: Value | None = None
    ad: Value | None = None
    ad_name: Value | None = None
    segment: Value | None = None
    arm: Value | None = None
    currency: Value | None = None
    impressions: Value | None = None
    clicks: Value | None = None
    spend: Value | None = None
    conversions: Value | None = None
    value: Value | None = None

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.day is None and self.from_ is None:
            msg = "'day', or 'from' with the platform whose export this is"
            raise ValueError(msg)
        return self


class FileOptions(Frozen):
    """How a CSV or TSV file is written."""

    delimiter: Char | None = Field(None, description="Default: ',' (csv), a tab (tsv).")
    quote: Annotated[str, StringConstraints(strict=True, max_length=1)] = '"'
    escape: Char | None = Field(None, description="Default: a quote is doubled.")
    encoding: Text = Field("utf-8", description="Any of Python's text encodings.")
    header: bool = Field(default=True, strict=True)
    columns: tuple[Name, ...] | None = Field(None, description="Names, when there is no header.")
    skip: int = Field(default=0, ge=0, strict=True, description="Lines before the header.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            "".encode(self.encoding)
        except LookupError:
            msg = "a text encoding such as utf-8, utf-16, latin-1 or cp1252"
            raise ValueError(msg) from None
        if self.columns and len(set(self.columns)) < len(self.columns):
            msg = "each column name once"
            raise ValueError(msg)
        return self


class Join(Frozen):
    """Columns of another file, looked up by equal keys; the first match counts."""

    files: Names
    on: NameMap = Field(min_length=1, description="Column here -> column there.")
    prefix: Text = Field("", description="Text before the names of the columns that are added.")
    format: FileFormat | None = None
    options: FileOptions = FileOptions()
    missing: tuple[Text, ...] | None = None


FileFormat = Literal["csv", "tsv", "jsonl", "parquet"]


class SourceSettings(Frozen):
    """Files of one kind, and what their rows become."""

    id: SourceId
    files: Names = Field(description="Path, glob, or list, relative to fewer.yaml.")
    format: FileFormat | None = Field(None, description="Default: from the extension.")
    options: FileOptions = FileOptions()
    missing: tuple[Text, ...] | None = Field(
        None, description="Texts that mean missing. Default: the empty text in csv and tsv."
    )
    join: Annotated[tuple[Join, ...], BeforeValidator(_one_or_more)] = ()
    events: Annotated[tuple[EventMapping, ...], BeforeValidator(_one_or_more)] = ()
    people: PeopleMapping | None = None
    items: ItemsMapping | None = None
    lists: Annotated[tuple[ListsMapping, ...], BeforeValidator(_one_or_more)] = ()
    ad_reports: AdReportMapping | None = None

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if not (self.events or self.people or self.items or self.lists or self.ad_reports):
            msg = "at least one of events, people, items, lists and ad_reports"
            raise ValueError(msg)
        return self


Join.model_rebuild()
