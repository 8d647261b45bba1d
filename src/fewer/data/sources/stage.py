"""Raw rows become staged rows: one query per mapping, over all rows of a file at once.

Each staged table holds accepted rows and refused ones (``reason`` set, ``raw`` kept). Columns
``w0, w1, ...`` mark values that could not be read and became missing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from typing import Final

import sqlglot.expressions as exp

from fewer.data.sources import times, values
from fewer.data.sources.fields import Field, Scope, over
from fewer.data.sources.values import Reading
from fewer.data.sources.when import condition
from fewer.data.store.registry import Entry, Kind, Registry
from fewer.data.store.sql import call, cast, column, fill, first_of, number
from fewer.model.mapping import EventName, Person, Time, Value
from fewer.model.predicate import Where
from fewer.model.values import ValueType

_SEPARATOR: Final = "\x1f"
_MOST_PARTS: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Context:
    """What every mapping of a source shares."""

    source: str
    zone: str
    registry: Registry


@dataclass(slots=True)
class Sheet:
    """The staged table of one mapping of one file, while it is put together.

    Attributes:
        index: Which of the sheets of its file it is; it keeps their rows apart.
        reasons: (condition, reason) in the order in which they are reported.
        columns: Staged columns.
        coded: Staged column -> property, trait or attribute.
        open: Staged columns that may turn out to hold nothing.
        content: What the hash of a row's content is made of.
        lost: Name of a mapped value -> condition under which it was there but can't be read.
        given_ids: Whether the source gives the ids of events.
    """

    scope: Scope
    context: Context
    seq: int
    index: int = 0
    when: exp.Expr | None = None
    reasons: list[tuple[exp.Expr, str]] = default(default_factory=list)
    columns: dict[str, exp.Expr] = default(default_factory=dict)
    coded: dict[str, Entry] = default(default_factory=dict)
    open: dict[str, tuple[Kind, str, ValueType]] = default(default_factory=dict)
    content: list[exp.Expr] = default(default_factory=list)
    lost: dict[str, exp.Expr] = default(default_factory=dict)
    given_ids: bool = False

    def refuse(self, test: exp.Expr, reason: str) -> None:
        """Refuse rows for which `test` is true."""
        self.reasons.append((test, reason))

    def only(self, where: Where | None) -> None:
        """Leave out rows for which the mapping's ``when`` is false."""
        if where is not None:
            self.when = condition(self.scope, where, zone=self.context.zone)

    # ------------------------------------------------------------------------------ pieces

    def person(self, person: Person) -> None:
        """Columns ``pkey`` and ``pkind``."""
        keys, kinds = [], exp.Case(ifs=[])
        for key in person.first_of:
            found = values.plain_text(self.scope, self.scope.get(key.column))
            known = self.scope.let(call("nullif", call("nfc_normalize", found), ""))
            prefixed = fill("$p || $k", p=key.prefix, k=known) if key.prefix else known
            keys.append(prefixed)
            kinds.append("ifs", exp.If(this=fill("$k IS NOT NULL", k=known), true=_text(key.kind)))
        self.columns["pkey"] = self.scope.let(first_of(*keys))
        self.columns["pkind"] = kinds
        self.refuse(fill("$k IS NULL", k=self.columns["pkey"]), "person_missing")
        self.content.append(self.columns["pkey"])

    def moment(self, time: Time) -> exp.Expr:
        """UTC microseconds of a mapped time; rows where it can't be read are refused."""
        zone = time.zone or self.context.zone
        if time.constant is not None:
            text = exp.Literal.string(time.constant)
            constant = times.from_text(self.scope, text, ("iso",), zone)
            self.refuse(fill("$t IS NULL", t=constant), "ts_unparseable")
            return constant
        field_, there = self._time_field(time)
        at = self.scope.let(values.timestamp(self.scope, field_, formats=time.format, zone=zone))
        self.refuse(fill("$there AND $t IS NULL", there=there, t=at), "ts_unparseable")
        return at

    def _time_field(self, time: Time) -> tuple[Field, exp.Expr]:
        if time.columns:
            parts = [values.plain_text(self.scope, self.scope.get(c)) for c in time.columns]
            joined = self.scope.let(call("concat_ws", " ", *parts))
            text = call("nullif", joined, "")
            return Field(text, "text"), fill("$t IS NOT NULL", t=text)
        found = self.scope.get(time.column or "")
        there = values.there(self.scope, found)
        return found, there

    def name(self, spec: EventName, *, missing: str) -> exp.Expr:
        """Event name or list id; rows without one are refused as `missing`."""
        if spec.constant is not None:
            return exp.Literal.string(spec.constant)
        text = values.convert(
            self.scope, self.scope.get(spec.column or ""), "text", spec=_ANY, zone="UTC"
        )
        given = self.scope.let(text)
        self.refuse(fill("$n IS NULL", n=given), missing)
        self.refuse(fill("$n = $e", n=given, e=""), "event_name_empty")
        if spec.map:
            default = _text(spec.default) if spec.default else exp.Null()
            mapped = values.replaced(given, dict(spec.map), default=default)
            given = self.scope.let(mapped)
            self.refuse(fill("$n IS NULL", n=given), "event_not_in_map")
        return fill("$p || $n", p=spec.prefix, n=given) if spec.prefix else given

    def value(self, kind: Kind, name: str, reading: Reading, *, required: bool = False) -> None:
        """Columns of one property, trait or attribute.

        When each row decides the type, which types there are is known only after the rows were
        read: `code_open` gives codes to those that occur.
        """
        for value_type, expression in sorted(reading.values.items()):
            shared = self.scope.let(expression)
            if len(reading.values) > 1:
                staged = f"u{len(self.open)}"
                self.open[staged] = (kind, name, value_type)
            else:
                entry = self.context.registry.code(kind, name, value_type)
                self.coded[entry.column] = entry
                staged = entry.column
            self.columns[staged] = shared
            label = f"{name}:{value_type[0]}="
            self.content.append(fill("$label || $v", label=label, v=shared))
        if reading.lost is not None:
            lost = self.scope.let(reading.lost)
            self.lost[f"{_word(reading)} {name}"] = lost
            if required:
                self.refuse(lost, _word(reading))
        if required:
            read = first_of(*(cast(self.scope.let(v), "VARCHAR") for v in reading.values.values()))
            self.refuse(fill("$v IS NULL", v=read), "value_missing")

    # ------------------------------------------------------------------------------- query

    def code_open(self, filled: Collection[str]) -> None:
        """Give codes to those open columns that hold something."""
        for staged, (kind, name, value_type) in self.open.items():
            if staged in filled:
                self.coded[staged] = self.context.registry.code(kind, name, value_type)

    def digest(self) -> exp.Expr:
        """Hash of the row's content: 32 hex digits that do not depend on how columns are coded."""
        joined = call("concat_ws", _SEPARATOR, self.context.source, *self.content)
        return fill("substr(sha256($j), 1, 32)", j=joined)

    def query(self) -> exp.Select:
        """The query that makes the staged table."""
        reason: exp.Expr = exp.Case(
            ifs=[exp.If(this=test, true=_text(word)) for test, word in self.reasons]
        )
        if not self.reasons:
            reason = fill("CAST(NULL AS VARCHAR)")
        lost = {f"w{i}": test for i, test in enumerate(self.lost.values())}
        judged = over(self.scope.query(self.when), exp.alias_(reason, "reason"))
        shown = [
            exp.alias_(cast(number(self.seq), "INTEGER"), "seq"),
            column("line"),
            exp.alias_(fill("CAST(part + $base AS BIGINT)", base=self.index * _MOST_PARTS), "part"),
            column("reason"),
            exp.alias_(
                fill("CASE WHEN reason IS NOT NULL THEN $raw END", raw=self.scope.relation.raw),
                "raw",
            ),
            *(exp.alias_(expression, name) for name, expression in self.columns.items()),
            *(
                exp.alias_(fill("coalesce($t AND reason IS NULL, FALSE)", t=test), name)
                for name, test in lost.items()
            ),
        ]
        return exp.Select(expressions=shown).from_(judged.subquery("j", copy=False), copy=False)


_ANY: Final = Value(column="x")


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def _word(reading: Reading) -> str:
    """Code of a warning: what a value that can't be read should have been."""
    types: Sequence[ValueType] = list(reading.values)
    return f"value_not_{types[0]}" if len(types) == 1 else "value_not_scalar"
