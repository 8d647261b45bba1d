"""A draft mapping for files nobody has described: a start to edit, with every guess marked.

Columns are judged by their names and by what a sample of their values can be read as. Values are
never printed: the draft may end up in a repository, and they may be personal.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from fewer.data.sources import text
from fewer.data.sources.files import format_of
from fewer.errors import SourceError
from fewer.model.mapping import FileFormat

_SAMPLE: Final = 500
_FEW: Final = 20  # rows below which nothing is said about repetition
_ENOUGH: Final = 0.9  # share of the values that must read as a type
_MOST_NAMES: Final = 60  # distinct values of a column that may name events

_PERSON: Final = (
    r"(user|customer|person|household|client|member|subscriber|visitor|contact|shopper|buyer|"
    r"account|profile|lead)s?_?(id|key|no|number|code)?"
)
_ANONYMOUS: Final = r"(anonymous|anon|cookie|device|client|visitor|ga|fullvisitor)_?id"
_TIME: Final = r".*(timestamp|datetime|date|time|_at|_ts|_on)|ts|day|when|at"
_EVENT: Final = r"(event|action|activity)(_?(name|type))?|type|verb"
_ITEM: Final = r"(product|item|article|stock|sku|asin|upc|content)_?(id|code|no|number|key)?"
_VALUE: Final = (
    r"(value|price|amount|revenue|total|sales|turnover|order_value|unit_?price|basket_value|"
    r"sales_value|item_price)"
)
_ORDER: Final = r"(order|invoice|transaction|receipt|basket)_?(id|no|number|key|uuid)?"
_ARM: Final = r"arm|variant|variation|group|segment|treatment|version|cell|bucket"
_EVENT_ID: Final = r"(event|message|transaction|log|hit|row)_?(id|uuid)|uuid|guid"
_CODE: Final = r".*_(id|no|code|key|number|upc|zip|postcode|sku)|id|upc|zip|sku|invoice"
_CONTACT: Final = {"email": r"e?_?mail(_?address)?", "phone": r"(phone|mobile|tel).*"}
_AD_COLUMNS: Final = {
    "platform": r"platform",
    "account": r"account(_id)?",
    "campaign": r"(.*_)?campaign(_(id|name))?",
    "ad_set": r"ad_?(set|group)(_id)?",
    "ad": r"(ad|creative)(_id)?",
    "currency": r"currency(_code)?",
    "impressions": r"impressions?",
    "clicks": r"clicks?|swipes",
    "spend": r"spend|spent|cost|amount_spent|cost_in_.*",
    "conversions": r"(total_)?conversions?",
    "value": r"revenue|conversions?_value|value",
}
_FORMATS: Final = (
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M",
    "%m/%d/%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d",
    "%d-%m-%Y %H:%M", "%d-%m-%Y", "%Y%m%d", "%d/%b/%Y:%H:%M:%S %z", "%b %d, %Y",
)  # fmt: skip
_NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_COMMA: Final = r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d+(,\d+)?"
_ISO: Final = r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?"
_EPOCHS: Final = {10: "epoch_s", 13: "epoch_ms", 16: "epoch_us"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sample.

    Attributes:
        kind: text, path, number, comma number (1.234,5), boolean, time, epoch_s ..., object, list.
        format: How times are written, when not as ISO; the delimiter of a path.
    """

    name: str
    kind: str
    format: str = ""
    distinct: int = 0
    filled: int = 0

    def like(self, pattern: str) -> bool:
        """Whether the name, in lower case with '_' between words, is like `pattern`."""
        return re.fullmatch(pattern, _snake(self.name.rsplit(".", 1)[-1])) is not None

    @property
    def is_time(self) -> bool:
        """Whether its values can be read as times."""
        return self.kind == "time" or self.kind in _EPOCHS.values()


def _snake(name: str) -> str:
    """The name in lower case, its words joined with '_'."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return re.sub(r"[^a-z0-9]+", "_", words).strip("_")


def suggest_mapping(files: Sequence[Path], *, base: Path | None = None) -> str:
    """Entries for ``sources:`` of ``fewer.yaml``, one per file, indented by two spaces.

    Raises:
        SourceError: when a file can't be read.
    """
    drafts = []
    taken: set[str] = set()
    for file in files:
        sample = _sample(file)
        name = file.resolve()
        if base is not None and name.is_relative_to(base.resolve()):
            name = name.relative_to(base.resolve())
        drafts.append(_draft(_id(file, taken), name.as_posix(), sample))
    return "\n".join(drafts)


def _id(file: Path, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", file.name.split(".")[0].lower()).strip("_")[:30]
    name = stem if stem[:1].isalpha() else f"source_{stem}".rstrip("_")
    again = 2
    unique = name
    while unique in taken:
        unique, again = f"{name}_{again}", again + 1
    taken.add(unique)
    return unique


# --------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class _Sample:
    columns: tuple[Column, ...]
    options: dict[str, str]


def _sample(file: Path) -> _Sample:
    format_ = format_of(file, None)
    if format_ == "parquet":
        with pq.ParquetFile(file) as opened:
            batch = next(opened.iter_batches(_SAMPLE), None)
            rows = batch.to_pylist() if batch is not None else []
            names = list(opened.schema_arrow.names)
        return _Sample(tuple(_column(name, [row.get(name) for row in rows]) for name in names), {})
    encoding = _encoding(file)
    options = {} if text.is_utf8(encoding) else {"encoding": encoding}
    lines = [line for _, line in zip(range(_SAMPLE), text.lines(file, encoding), strict=False)]
    if format_ == "jsonl":
        return _Sample(_json_columns(lines), options)
    return _csv_sample(lines, format_, options)


def _encoding(file: Path) -> str:
    with text.binary(file) as stream:
        start = stream.read(1 << 16)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        start[: start.rfind(b"\n") + 1 or None].decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _csv_sample(lines: list[str], format_: FileFormat, options: dict[str, str]) -> _Sample:
    default = "\t" if format_ == "tsv" else ","
    first = lines[0] if lines else ""
    delimiter = max(
        (default, ",", ";", "\t", "|"), key=lambda mark: (first.count(mark), mark == default)
    )
    if delimiter != default and first.count(delimiter):
        options = {**options, "delimiter": delimiter}
    else:
        delimiter = default
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    if not rows:
        return _Sample((), options)
    names, body = [name.strip() for name in rows[0]], rows[1:]
    columns = [
        _column(name, [row[i] for row in body if i < len(row)]) for i, name in enumerate(names)
    ]
    return _Sample(tuple(columns), options)


def _json_columns(lines: list[str]) -> tuple[Column, ...]:
    found: dict[str, list[Any]] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            for name, value in _leaves(row, ""):
                found.setdefault(name, []).append(value)
    return tuple(_column(name, values) for name, values in found.items())


def _leaves(row: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for key, value in row.items():
        if isinstance(value, dict) and value:
            leaves += _leaves(value, f"{prefix}{key}.")
        else:
            leaves.append((f"{prefix}{key}", value))
    return leaves


def _column(name: str, values: list[Any]) -> Column:
    there = [value for value in values if value is not None and value != ""]
    distinct = len({str(value) for value in there})
    kind, format_ = _kind(there)
    if kind == "text" and "categor" in name.lower():
        kind, format_ = _category(list(map(str, there)))
    return Column(name, kind, format_, distinct, len(there))


def _kind(values: list[Any]) -> tuple[str, str]:
    if not values:
        return "text", ""
    if any(isinstance(value, list) for value in values):
        return "list", ""
    if any(isinstance(value, dict) for value in values):
        return "object", ""
    if all(hasattr(value, "isoformat") for value in values):
        return "time", ""
    if all(isinstance(value, bool) for value in values):
        return "boolean", ""
    words = [str(value).strip() for value in values]
    digits = {len(word) for word in words if re.fullmatch(r"1\d+", word)}
    if len(digits) == 1 and _share(words, lambda w: bool(re.fullmatch(r"1\d+", w))) == 1:
        length = digits.pop()
        if length in _EPOCHS:
            return _EPOCHS[length], _EPOCHS[length]
    if all(isinstance(value, int | float) for value in values):
        return "number", ""
    return _text_kind(words)


def _category(words: list[str]) -> tuple[str, str]:
    """A path with its delimiter, when most of the texts have one."""
    for mark in (" > ", ">", "/", "|", "."):
        if _share(words, lambda w, m=mark: m in w.strip(m)) > 1 / 2:  # type: ignore[misc]
            return "path", mark
    return "text", ""


def _text_kind(words: list[str]) -> tuple[str, str]:
    if _share(words, lambda w: bool(re.fullmatch(_ISO, w))) >= _ENOUGH:
        return "time", ""
    for format_ in _FORMATS:
        if _share(words, lambda w, f=format_: _parses(w, f)) >= _ENOUGH:  # type: ignore[misc]
            return "time", format_
    if _share(words, lambda w: bool(re.fullmatch(_NUMBER, w))) == 1:
        # '00123' is a code, not a number.
        coded = any(re.fullmatch(r"0\d+", word) for word in words)
        return ("text" if coded else "number"), ""
    if _share(words, lambda w: bool(re.fullmatch(_COMMA, w))) == 1:
        return "comma number", ""
    if {word.lower() for word in words} <= {"true", "false", "yes", "no"}:
        return "boolean", ""
    return "text", ""


def _share(words: list[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, words)) / max(len(words), 1)


def _parses(word: str, format_: str) -> bool:
    try:
        datetime.strptime(word, format_)  # noqa: DTZ007  only whether it can be read
    except ValueError:
        return False
    return True


# --------------------------------------------------------------------------------------- drafting


def _draft(id_: str, file: str, sample: _Sample) -> str:
    columns = sample.columns
    if not columns:
        raise SourceError(f"{file} is empty: there is nothing to draft a mapping from.")
    lines = [f"  - id: {id_}", f"    files: {_quoted(file)}"]
    if sample.options:
        pairs = ", ".join(f"{name}: {_quoted(value)}" for name, value in sample.options.items())
        lines.append(f"    options: {{{pairs}}}")
    person = _first(columns, _PERSON) or _first(columns, _ANONYMOUS) or _first(columns, r"id|uid")
    time = _time(columns)
    if _first(columns, r"impressions?") and _first(columns, r"clicks?|swipes"):
        return "\n".join([*lines, *_ads(columns, time)])
    if person and time and not _one_row_each(columns, person):
        return "\n".join([*lines, *_events(columns, person, time)])
    item = _first(columns, _ITEM)
    if item and not person:
        return "\n".join([*lines, *_items(columns, item)])
    return "\n".join([*lines, *_people(columns, person)])


def _first(columns: Sequence[Column], pattern: str) -> Column | None:
    exact = [c for c in columns if c.like(pattern) and c.filled]
    ids = [c for c in exact if re.search(r"(?i)id|key|code|number|no$", c.name)]
    return (ids or exact or [None])[0]  # type: ignore[list-item]


def _one_row_each(columns: Sequence[Column], person: Column) -> bool:
    """Whether every row of the sample is about another person, and names no event."""
    return person.distinct == person.filled >= _FEW and not any(c.like(_EVENT) for c in columns)


def _time(columns: Sequence[Column]) -> Column | None:
    times = [c for c in columns if c.is_time]
    named = [c for c in times if c.like(_TIME)]
    return (named or [c for c in times if c.kind == "time"] or [None])[0]  # type: ignore[list-item]


def _moment(time: Column) -> str:
    if time.format:
        return f"{{column: {_quoted(time.name)}, format: {_quoted(time.format)}}}"
    return _quoted(time.name)


def _who(columns: Sequence[Column], person: Column) -> str:
    other = next((c for c in columns if c.like(_ANONYMOUS) and c is not person), None)
    if other is None:
        return f"person: {_quoted(person.name)}"
    second = f'{{column: {_quoted(other.name)}, kind: anonymous, prefix: "anonymous:"}}'
    return f"person: {{first_of: [{_quoted(person.name)}, {second}]}}"


def _events(columns: Sequence[Column], person: Column, time: Column) -> list[str]:
    names = [
        c for c in columns if c.like(_EVENT) and c.kind == "text" and c.distinct <= _MOST_NAMES
    ]
    given = next((c for c in columns if c.like(_EVENT_ID)), None)
    event = f"event: {{column: {_quoted(names[0].name)}}}" if names else f"event: {_act(columns)}"
    lines = [
        "    events:",
        f"      - {event}",
        f"        {_who(columns, person)}   # guess: the column that says who",
        f"        ts: {_moment(time)}   # guess: when; add zone: if not in the project's timezone",
    ]
    if given is not None and given.distinct == given.filled:
        lines.append(f"        id: {_quoted(given.name)}   # guess: the source's own id of a row")
    used = {person.name, time.name, *(c.name for c in names[:1]), *([given.name] if given else [])}
    return [*lines, "        properties:", *_values(columns, used, indent=10)]


def _act(columns: Sequence[Column]) -> str:
    """What a row is, where no column says so."""
    if any(c.like(_ORDER) for c in columns) and any(c.like(_VALUE) for c in columns):
        return "purchase   # guess: rows have an order or invoice, and a price"
    return "happened   # guess: name what a row of this file is, such as purchase"


def _people(columns: Sequence[Column], person: Column | None) -> list[str]:
    chosen = person or columns[0]
    note = "" if person else "   # guess: no column looks like an id; name the one that says who"
    contacts = {
        kind: column
        for kind, pattern in _CONTACT.items()
        if (column := next((c for c in columns if c.like(pattern)), None))
    }
    lines = ["    people:", f"      person: {_quoted(chosen.name)}{note}"]
    if contacts:
        pairs = ", ".join(f"{kind}: {_quoted(column.name)}" for kind, column in contacts.items())
        lines.append(f"      contacts: {{{pairs}}}   # encrypted, used by exports only")
    used = {chosen.name, *(column.name for column in contacts.values())}
    if any(c.like(_ARM) and 1 < c.distinct <= _FEW for c in columns):
        lines.append("      # A finished test, a row a person? `fewer experiment read` judges it.")
    if person and any(c.is_time for c in columns):
        lines.append("      # One row for each person, it seems. If rows are events: map `events`.")
    return [*lines, "      traits:", *_values(columns, used, indent=8)]


def _items(columns: Sequence[Column], item: Column) -> list[str]:
    lines = ["    items:", f"      item_id: {_quoted(item.name)}", "      attributes:"]
    return [*lines, *_values(columns, {item.name}, indent=8)]


def _ads(columns: Sequence[Column], time: Column | None) -> list[str]:
    day = _moment(time) if time else '{constant: "2026-01-01"}   # guess: the file has no day'
    lines = ["    ad_reports:", f"      day: {day}"]
    if not any(c.like("platform") for c in columns):
        lines.append("      platform: {constant: unknown}   # guess: meta, google, ...")
    for target, pattern in _AD_COLUMNS.items():
        column = next((c for c in columns if c.like(pattern)), None)
        if column is not None:
            number = target in ("impressions", "clicks", "spend", "conversions", "value")
            mapped = _value(column, number=True) if number else _quoted(column.name)
            lines.append(f"      {target}: {mapped}")
    return lines


def _values(columns: Sequence[Column], used: set[str], *, indent: int) -> list[str]:
    pad = " " * indent
    named_item = next((c for c in columns if c.like(_ITEM) and c.name not in used), None)
    named_value = next(
        (c for c in columns if c.like(_VALUE) and "number" in c.kind and c.name not in used), None
    )
    lines = []
    for column in columns:
        if column.name in used:
            continue
        name = column.name
        if column is named_item:
            name = "item_id"
        elif column is named_value:
            name = "value"
        if column.like("|".join(_CONTACT.values())):
            lines.append(f"{pad}# {_quoted(name)}: an address; map it under people: contacts")
        elif column.kind == "object":
            lines.append(f'{pad}"*": {_quoted(column.name)}')
        elif column.kind == "list":
            lines.append(f"{pad}{_key(name)}: {{column: {_quoted(column.name)}, join: ', '}}")
        elif name == "item_id":
            lines.append(f"{pad}item_id: {_quoted(column.name)}")
        else:
            lines.append(f"{pad}{_key(name)}: {_value(column)}")
    return lines or [f"{pad}{{}}"]


def _value(column: Column, *, number: bool = False) -> str:
    name = _quoted(column.name)
    if column.kind == "path":
        return f"{{column: {name}, split: {json.dumps(column.format)}}}"
    if not number and column.like(_CODE):  # a code is not an amount, whatever its digits
        return name if column.kind == "text" else f"{{column: {name}, type: text}}"
    if column.kind == "comma number":
        return f'{{column: {name}, type: number, decimal: ",", thousands: "."}}'
    if column.kind == "number" or number:
        return f"{{column: {name}, type: number}}"
    if column.kind == "boolean":
        return f"{{column: {name}, type: boolean}}"
    if column.is_time:
        form = f", format: {_quoted(column.format)}" if column.format else ""
        return f"{{column: {name}, type: timestamp{form}}}"
    return name


def _key(name: str) -> str:
    return _quoted(_snake(name) or name)


def _quoted(name: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./]*", name) and name.lower() not in (
        "null", "true", "false", "yes", "no", "on", "off", "y", "n",
    ):  # fmt: skip
        return name
    return json.dumps(name, ensure_ascii=False)
