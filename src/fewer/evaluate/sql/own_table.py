"""One mapped table read against the catalog: what is taken of each row, and which rows count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from fewer.data.sources.times import MAX_TS, MIN_TS, to_utc
from fewer.errors import Problem, did_you_mean
from fewer.evaluate.sql.functions.base import Kind, OwnColumns
from fewer.evaluate.sql.tree import boolean, call, column, every, named, nested, number, select
from fewer.evaluate.sql.tree import table as relation
from fewer.model.catalog import ITEM_ID
from fewer.model.in_place import (
    MICROS,
    EventTable,
    ItemTable,
    ListTable,
    Located,
    PeopleTable,
    TableName,
    TableTime,
    TableValue,
)
from fewer.model.mapping import ConsentValue, EventId, Person
from fewer.model.number import to_micros
from fewer.model.predicate import Scalar
from fewer.model.values import SUFFIX, VALUE_TYPES, ValueType

Known = Mapping[tuple[str, ...], Mapping[str, str]]
"""Place of a table -> column -> type, as the database's catalog has them."""

TYPES: Final[dict[Kind, ValueType]] = {
    "text": "text",
    "integer": "number",
    "decimal": "number",
    "float": "number",
    "boolean": "boolean",
    "wall": "timestamp",
    "instant": "timestamp",
    "date": "timestamp",
}
"""Type of a column's values when the mapping names none."""

SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Raw:
    """A mapped table with names of ours: what is read of each row, and which rows count.

    `query` gives what is read of the columns, times without zone still as wall times. `output`
    makes the canonical columns of it, for the rows that pass all `tests`, whose names say why a
    row would be left out.
    """

    located: Located
    query: exp.Select
    tests: Mapping[str, exp.Expr]
    output: Mapping[str, exp.Expr]
    texts: tuple[str, ...] = ()
    """Names of columns of `query` that hold text as it is stored."""

    lost: Mapping[str, exp.Expr] = field(default_factory=dict)
    """Property -> whether a value is there that can't be read."""

    def relation(self, columns: Sequence[str], null: Callable[[str], exp.Expr]) -> exp.Select:
        """Rows of the canonical relation, with exactly these columns."""
        shown = [
            named(self.output[name].copy() if name in self.output else null(name), name)
            for name in columns
        ]
        where = every(test.copy() for test in self.tests.values())
        return select(shown, nested(self.query.copy(), "raw"), where=where)


def union(
    parts: Sequence[Raw], columns: Sequence[str], null: Callable[[str], exp.Expr]
) -> exp.Query:
    """Rows of all parts; without any, a relation of no rows."""
    if not parts:
        return _nothing(columns, null)
    queries: list[exp.Query] = [part.relation(columns, null) for part in parts]
    found = queries[0]
    for query in queries[1:]:
        found = exp.Union(this=found, expression=query, distinct=False)
    return found


def _nothing(columns: Sequence[str], null: Callable[[str], exp.Expr]) -> exp.Select:
    one = nested(exp.Select(expressions=[named(number(1), "one")]), "o")
    return select([named(null(name), name) for name in columns], one, where=boolean(False))


class Codes:
    """Columns for names and types, in the order in which they are first asked for."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, dict[ValueType, str]]] = defaultdict(dict)

    def code(self, letter: str, name: str, type_: ValueType) -> str:
        """The column that holds the values of that type."""
        names = self._found[letter]
        place = list(names).index(name) if name in names else len(names)
        return names.setdefault(name, {}).setdefault(type_, f"{letter}{place + 1}{SUFFIX[type_]}")

    def columns(self, letter: str) -> list[str]:
        """All columns of a kind."""
        return [code for typed in self._found[letter].values() for code in typed.values()]

    def named(self, letter: str) -> dict[str, dict[ValueType, str]]:
        """Name -> type -> column."""
        return {
            name: {t: typed[t] for t in VALUE_TYPES if t in typed}
            for name, typed in sorted(self._found[letter].items())
        }


class _Table:
    """A table under way: its columns, and what is read of them."""

    def __init__(self, located: Located, columns: Mapping[str, str]) -> None:
        self.located = located
        self.columns = columns
        self.inner: dict[str, exp.Expr] = {}
        self.texts: list[str] = []

    def let(self, value: exp.Expr, *, text: bool = False) -> exp.Column:
        """A column of the raw query that holds the value."""
        name = f"c{len(self.inner)}"
        self.inner[name] = value
        if text:
            self.texts.append(name)
        return column(name)


class Reader:
    """Reads mappings against what the catalog knows; gathers every mistake."""

    def __init__(self, own: OwnColumns, known: Known, zone: str) -> None:
        self.own = own
        self.known = known
        self.zone = zone
        self.codes = Codes()
        self.problems: list[Problem] = []

    def null(self, name: str) -> exp.Expr:
        """NULL for a column that a table has not."""
        kinds = {suffix: type_ for type_, suffix in SUFFIX.items()}
        type_ = "timestamp" if name == "ts" else kinds.get(name[-2:], "text")
        return self.own.null(type_)

    # the relations

    def events(self, mapped: EventTable) -> Raw:
        """A table of events."""
        table = self._table(mapped)
        person = self._person(table, mapped.person)
        ts = self._time(table, mapped.ts)
        event, has_event = self._name(table, mapped.event)
        low, high = number(MIN_TS), number(MAX_TS)
        tests = {
            "person_missing": _present(person),
            "ts_missing": exp.Between(this=ts.copy(), low=low, high=high),
            "event_missing": has_event,
        }
        output = {"person": person, "ts": ts, "event": event}
        output["source"] = exp.Literal.string(mapped.words)
        lost = self._values(table, "p", mapped.properties, output)
        if mapped.id is not None:
            output["event_id"], tests["event_id_missing"] = self._id(table, mapped.id)
        else:
            output["event_id"] = self._digest(output)
        return self._raw(table, tests, output, lost)

    def people(self, mapped: PeopleTable) -> Raw:
        """A table of people."""
        table = self._table(mapped)
        person = self._person(table, mapped.person)
        output: dict[str, exp.Expr] = {"person": person}
        lost = self._values(table, "t", mapped.traits, output)
        for purpose, consent in mapped.consents.items():
            output[f"consent {purpose}"] = self._state(table, consent)
        return self._raw(table, {"person_missing": _present(person)}, output, lost)

    def consents(self, mapped: PeopleTable | None, raw: Sequence[Raw]) -> exp.Query:
        """Person, purpose and state, for every mapped purpose."""
        columns = ["person", "purpose", "state"]
        parts = [
            Raw(each.located, each.query, each.tests, {
                "person": each.output["person"],
                "purpose": exp.Literal.string(purpose),
                "state": each.output[f"consent {purpose}"],
            })
            for each in raw
            for purpose in (mapped.consents if mapped else ())
        ]  # fmt: skip
        return union(parts, columns, self.null)

    def items(self, mapped: ItemTable) -> Raw:
        """A table of items."""
        table = self._table(mapped)
        item = self._text(table, mapped.item_id)
        output: dict[str, exp.Expr] = {"item_id": item}
        lost = self._values(table, "i", mapped.attributes, output)
        return self._raw(table, {"item_id_missing": _present(item)}, output, lost)

    def lists(self, mapped: ListTable) -> Raw:
        """A table of people on lists."""
        table = self._table(mapped)
        person = self._person(table, mapped.person)
        list_id, has_list = self._name(table, mapped.list)
        tests = {"person_missing": _present(person), "list_missing": has_list}
        return self._raw(table, tests, {"list_id": list_id, "person": person}, {})

    def _raw(
        self,
        table: _Table,
        tests: dict[str, exp.Expr],
        output: dict[str, exp.Expr],
        lost: dict[str, exp.Expr],
    ) -> Raw:
        wanted = every(self._filter(table, *each) for each in table.located.when.items())
        inner = [named(value, name) for name, value in table.inner.items()]
        query = select(inner or [named(number(1), "one")], self._source(table), where=wanted)
        return Raw(table.located, query, tests, output, tuple(table.texts), lost)

    # tables and columns

    def _table(self, located: Located) -> _Table:
        columns = self.known.get(located.place)
        if columns is None:
            self._problem("unknown_table", f"The database has no table {located.words!r}.")
        return _Table(located, columns or {})

    def _source(self, table: _Table) -> exp.Expr:
        if table.located.files is not None:
            if self.own.files is None:
                message = f"Files can't be read in place here: {table.located.words}."
                self._problem("no_files", message, "Use the engine duckdb, or name tables.")
                return relation("none")
            return self.own.files(table.located.files)
        names = ("this", "db", "catalog")
        parts = zip(names, reversed(table.located.table or ()), strict=False)
        return exp.Table(**{k: exp.Identifier(this=part, quoted=True) for k, part in parts})

    def _column(self, table: _Table, name: str) -> tuple[exp.Expr, Kind]:
        """A column by its name in the catalog, and what it holds."""
        if name not in table.columns:
            if table.columns:
                hint = did_you_mean(name, table.columns).strip()
                words = f"Table {table.located.words!r} has no column {name!r}."
                self._problem("unknown_column", words, hint)
            return exp.Null(), "other"
        quoted = exp.Column(this=exp.Identifier(this=name, quoted=True))
        return quoted, self.own.kind(table.columns[name])

    def _problem(self, code: str, message: str, hint: str = "") -> None:
        problem = Problem(code, message, "fewer.yaml", hint=hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def _wrong(self, table: _Table, name: str, wanted: str) -> None:
        if name not in table.columns:
            return
        type_ = table.columns[name]
        self._problem(
            "column_type",
            f"Column {name!r} of {table.located.words!r} is of type {type_}; expected {wanted}.",
            "Make a view that converts it, and map the view.",
        )

    def _filter(self, table: _Table, name: str, wanted: Sequence[Scalar]) -> exp.Expr:
        """Whether the column has one of the values; a value of another type is never one."""
        value, kind = self._column(table, name)
        tests: list[exp.Expr] = []
        for each in wanted:
            match each:
                case bool() if kind == "boolean":
                    tests.append(exp.EQ(this=value.copy(), expression=boolean(each)))
                case str() if kind in ("text", "other"):
                    text = self.own.text(value.copy(), kind)
                    tests.append(exp.EQ(this=text, expression=exp.Literal.string(each)))
                case _ if TYPES.get(kind) == "number" and not isinstance(each, bool | str):
                    micros = self.own.millionths(value.copy(), kind)
                    literal = number(to_micros(each) or 0)
                    tests.append(exp.EQ(this=micros, expression=literal))
                case _:
                    self._wrong(table, name, f"one for {each!r}")
        found: exp.Expr = boolean(False)
        for n, test in enumerate(tests):
            found = test if n == 0 else exp.Or(this=found, expression=test)
        return exp.Paren(this=found)

    # values

    def _person(self, table: _Table, person: Person) -> exp.Expr:
        found = []
        for key in person.first_of:
            value, kind = self._column(table, key.column)
            if kind in ("float", "wall", "instant", "date", "boolean"):
                self._wrong(table, key.column, "text or a whole number")
            known = table.let(_given(self.own.text(value, kind)), text=kind == "text")
            found.append(_prefixed(key.prefix, known))
        return found[0] if len(found) == 1 else exp.Coalesce(this=found[0], expressions=found[1:])

    def _name(self, table: _Table, spec: TableName) -> tuple[exp.Expr, exp.Expr]:
        """A name, and whether the row has one."""
        if spec.constant is not None:
            return exp.Literal.string(spec.constant), boolean(True)
        value, kind = self._column(table, spec.column or "")
        known = table.let(_given(self.own.text(value, kind)), text=kind == "text")
        return _prefixed(spec.prefix, known), _present(known)

    def _id(self, table: _Table, spec: EventId) -> tuple[exp.Expr, exp.Expr]:
        parts: list[exp.Expr] = []
        for name in spec.columns:
            value, kind = self._column(table, name)
            parts.append(table.let(_given(self.own.text(value, kind)), text=kind == "text"))
        joined = parts[0]
        for part in parts[1:]:
            slash = exp.DPipe(this=joined, expression=exp.Literal.string("/"))
            joined = exp.DPipe(this=slash, expression=part)
        present = every(_present(part.copy()) for part in parts) or boolean(True)
        return _prefixed(spec.prefix, joined), present

    def _time(self, table: _Table, spec: TableTime | TableValue) -> exp.Expr:
        """UTC microseconds; beyond the years 1 to 9999 they are as they are."""
        name = spec.column or ""
        value, kind = self._column(table, name)
        if spec.format in MICROS:
            if TYPES.get(kind) != "number":
                self._wrong(table, name, "a number")
                return self.own.null("timestamp")
            return table.let(self.own.counted(value, kind, MICROS[spec.format]))
        if kind not in ("wall", "instant", "date"):
            self._wrong(table, name, "a timestamp (or `format: epoch_s`, epoch_ms or epoch_us)")
            return self.own.null("timestamp")
        micros = table.let(self.own.micros(value, kind))
        return micros if kind == "instant" else to_utc(micros, spec.zone or self.zone)

    def _text(self, table: _Table, spec: TableValue) -> exp.Expr:
        if spec.column is None:
            return exp.Literal.string(str(spec.constant))
        value, kind = self._column(table, spec.column)
        return table.let(_given(self.own.text(value, kind)), text=kind == "text")

    def _values(
        self,
        table: _Table,
        letter: str,
        mapped: Mapping[str, TableValue],
        output: dict[str, exp.Expr],
    ) -> dict[str, exp.Expr]:
        """Add each value to `output`; which of them can get lost, and when."""
        lost: dict[str, exp.Expr] = {}
        for name in sorted(mapped):
            spec = mapped[name]
            if letter == "p" and name == ITEM_ID:
                spec = spec.model_copy(update={"type": "text"})
            type_, value, is_lost = self._value(table, spec)
            output[self.codes.code(letter, name, type_)] = value
            if is_lost is not None:
                lost[name] = is_lost
        return lost

    def _value(
        self, table: _Table, spec: TableValue
    ) -> tuple[ValueType, exp.Expr, exp.Expr | None]:
        if spec.column is None:
            return (*_constant(spec.constant), None)
        value, kind = self._column(table, spec.column)
        type_: ValueType = spec.type or TYPES.get(kind, "text")
        match type_:
            case "text":
                return type_, table.let(self.own.text(value, kind), text=kind == "text"), None
            case "timestamp":
                return type_, self._in_range(self._time(table, spec)), None
            case "boolean" if kind == "boolean":
                return type_, table.let(value), None
            case "number" if TYPES.get(kind) == "number":
                there = table.let(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
                read = table.let(self.own.millionths(value, kind))
                gone = exp.Is(this=read.copy(), expression=exp.Null())
                return type_, read, exp.And(this=there, expression=gone)
            case _:
                self._wrong(table, spec.column, f"a {type_}")
                return type_, self.own.null(type_), None

    @staticmethod
    def _in_range(micros: exp.Expr) -> exp.Expr:
        lies = exp.Between(this=micros.copy(), low=number(MIN_TS), high=number(MAX_TS))
        return exp.Case(ifs=[exp.If(this=lies, true=micros)])

    def _state(self, table: _Table, consent: ConsentValue) -> exp.Expr:
        if consent.column is None:
            return exp.Literal.string(consent.constant or "unknown")
        value, kind = self._column(table, consent.column)
        word = table.let(call("lower", call("trim", self.own.text(value, kind))))
        ifs = []
        for state, words in (("granted", consent.granted), ("denied", consent.denied)):
            literals: list[exp.Expr] = [exp.Literal.string(each.lower()) for each in words]
            if literals:
                test = exp.In(this=word.copy(), expressions=literals)
                ifs.append(exp.If(this=test, true=exp.Literal.string(state)))
        return exp.Case(ifs=ifs, default=exp.Literal.string("unknown"))

    def _digest(self, output: Mapping[str, exp.Expr]) -> exp.Expr:
        """An id of what is mapped: rows that are equal in all of it have one id."""
        joined: exp.Expr = exp.Literal.string("")
        for name in sorted(output):
            text = self.own.text(output[name].copy(), _stored_kind(name))
            missing = exp.Coalesce(this=text, expressions=[exp.Literal.string(SEPARATOR)])
            ended = exp.DPipe(this=missing, expression=exp.Literal.string(SEPARATOR))
            joined = exp.DPipe(this=joined, expression=ended)
        return self.own.digest(joined)


def _stored_kind(name: str) -> Kind:
    if name == "ts" or name.endswith(("_n", "_s")):
        return "integer"
    return "boolean" if name.endswith("_b") else "text"


def _given(text: exp.Expr) -> exp.Expr:
    """The text, null when it is empty."""
    return exp.Nullif(this=text, expression=exp.Literal.string(""))


def _present(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))


def _prefixed(prefix: str, value: exp.Expr) -> exp.Expr:
    if not prefix:
        return value
    return exp.DPipe(this=exp.Literal.string(prefix), expression=value)


def _constant(value: Scalar | None) -> tuple[ValueType, exp.Expr]:
    if isinstance(value, bool):
        return "boolean", boolean(value)
    if isinstance(value, str):
        return "text", exp.Literal.string(value)
    return "number", number(to_micros(value) or 0) if value is not None else exp.Null()
