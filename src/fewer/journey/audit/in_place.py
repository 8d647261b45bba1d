"""The audit of tables in place: whether they keep the contract that the store would keep.

Each mapped table is read once, whatever is asked of it; what they come to together is one query
for events, and one each for people, items, lists and consents. Findings hold counts and names of
columns, never a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlglot import exp

from fewer.evaluate.sql.events import universe
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.in_place import InPlace, raw_name
from fewer.evaluate.sql.own_table import Raw
from fewer.evaluate.sql.tree import (
    column,
    count_if,
    every,
    known,
    named,
    negated,
    nested,
    number,
    select,
    table,
)
from fewer.journey.audit.audit import Audit, CheckResult, trust
from fewer.journey.audit.base import (
    SEVERITIES,
    AuditContext,
    Draft,
    Evidence,
    Figure,
    Finding,
    Gate,
    Table,
)
from fewer.journey.audit.facts import ANCIENT
from fewer.journey.audit.inventory import (
    Consent,
    EngagementPoint,
    Inventory,
    ListSize,
    Property,
)
from fewer.model.values import ValueType
from fewer.model.window import from_utc_micros

REASONS: Final = {
    "person_missing": "without a person",
    "ts_missing": "without a time between the years 1 and 9999",
    "event_missing": "without an event name",
    "event_id_missing": "without an id",
    "item_id_missing": "without an item id",
    "list_missing": "without a list",
}

_MAPPING: Final = Gate(kind="segments", text="sizes are those of the rows that could be read")


@dataclass(frozen=True)
class Own:
    """Tables in place, and an engine over them: what is measured is measured once."""

    context: AuditContext
    read: InPlace
    functions: Functions

    def row(self, query: exp.Query) -> dict[str, Any]:
        """The only row of a query."""
        return dict(self.context.engine.run(query).to_pylist()[0])

    @cached_property
    def tables(self) -> list[tuple[Raw, dict[str, int]]]:
        """For each mapped table its rows, those left out by reason, and values by fault."""
        found = []
        for kind, parts in self.read.raw.items():
            for place, raw in enumerate(parts):
                asked = dict(self._counts(raw))
                shown = [named(value, f"n{n}") for n, value in enumerate(asked.values())]
                row = self.row(select(shown, table(raw_name(kind, place))))
                found.append((raw, {name: int(row[f"n{n}"]) for n, name in enumerate(asked)}))
        return found

    def _counts(self, raw: Raw) -> Iterator[tuple[str, exp.Expr]]:
        yield "rows", exp.Count(this=exp.Star())
        passed: list[exp.Expr] = []
        for reason, test in raw.tests.items():
            fails = negated(known(test.copy()))
            yield f"left {reason}", count_if(every([*(p.copy() for p in passed), fails]))
            passed.append(known(test.copy()))
        own = self.functions.own
        if own and own.is_nfc and raw.texts:
            odd = [negated(known(own.is_nfc(column(name)), default=True)) for name in raw.texts]
            faults = [
                exp.Case(ifs=[exp.If(this=o, true=number(1))], default=number(0)) for o in odd
            ]
            total: exp.Expr = faults[0]
            for fault in faults[1:]:
                total = exp.Add(this=total, expression=fault)
            yield "not nfc", exp.Coalesce(this=exp.Sum(this=total), expressions=[number(0)])
        for name, lost in raw.lost.items():
            yield f"lost {name}", count_if(lost.copy())

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """Events by name: rows, people, times, and how many rows have each property."""
        ts = column("ts")
        late = self.context.now_us or self.context.as_of_us
        shown: list[exp.Expr] = [
            column("event"),
            named(exp.Count(this=exp.Star()), "n"),
            named(exp.Count(this=exp.Distinct(expressions=[column("person")])), "people"),
            named(exp.Min(this=ts.copy()), "first_us"),
            named(exp.Max(this=ts.copy()), "last_us"),
            named(count_if(exp.GTE(this=ts.copy(), expression=number(late))), "future"),
            named(count_if(exp.LT(this=ts, expression=number(ANCIENT))), "ancient"),
        ]
        shown += _filled(self.read.catalog.properties)
        query = select(shown, table("events"), group=[column("event")])
        rows: list[dict[str, Any]] = self.context.engine.run(query).to_pylist()
        return sorted(rows, key=lambda row: (-row["n"], row["event"]))

    @cached_property
    def repeated_ids(self) -> int:
        """Ids that more than one event has."""
        ids = select([column("event_id")], table("events"), group=[column("event_id")])
        ids.set("having", exp.Having(this=exp.GT(this=count_if(None), expression=number(1))))
        return int(self.row(select([named(count_if(None), "n")], nested(ids, "i")))["n"])

    def keyed(self, relation: str, key: str, names: Mapping[str, Mapping[ValueType, str]]) -> Any:
        """Rows and different keys of a relation, and how many rows have each value."""
        distinct = exp.Count(this=exp.Distinct(expressions=[column(key)]))
        shown = [named(count_if(None), "n"), named(distinct, "keys"), *_filled(names)]
        return self.row(select(shown, table(relation)))

    @cached_property
    def people(self) -> dict[str, Any]:
        """Rows and people of the table of people."""
        return dict(self.keyed("people", "person", self.read.catalog.traits))

    @cached_property
    def items(self) -> dict[str, Any]:
        """Rows and items of the table of items."""
        return dict(self.keyed("items", "item_id", self.read.catalog.items))

    @cached_property
    def everyone(self) -> int:
        """People of the universe."""
        query = universe(self.context.as_of_us)
        return int(self.row(select([named(count_if(None), "n")], nested(query, "u")))["n"])

    def grouped(self, relation: str, *by: str) -> list[dict[str, Any]]:
        """Rows by some columns of text."""
        keys = [column(name) for name in by]
        query = select([*keys, named(count_if(None), "n")], table(relation), group=keys)
        rows: list[dict[str, Any]] = self.context.engine.run(query).to_pylist()
        return sorted(rows, key=lambda row: [row[name] for name in by])


def _filled(names: Mapping[str, Mapping[ValueType, str]]) -> list[exp.Expr]:
    shown: list[exp.Expr] = []
    for typed in names.values():
        for code in typed.values():
            distinct = exp.Count(this=exp.Distinct(expressions=[column(code)]))
            shown.append(named(exp.Count(this=column(code)), f"{code}_filled"))
            shown.append(named(distinct, f"{code}_values"))
    return shown


# --------------------------------------------------------------------------------------- checks


def unique_ids(own: Own) -> Iterator[Draft]:
    """Ids that several events share, and tables without ids."""
    unnamed = [raw.located.words for raw in own.read.raw["events"] if not _has_id(raw)]
    if own.repeated_ids:
        yield Draft(
            severity="error",
            title=f"{own.repeated_ids:,} event ids belong to several events",
            detail="In the store the second of a day would be left out. Here both are counted.",
            evidence=Evidence(figures=(Figure(label="repeated ids", value=own.repeated_ids),)),
            fix=(
                "Map a column, or several, that no two events share; or make a view that leaves"
                " repeated rows out, and map the view."
            ),
            gates=(Gate(kind="goals", text="repeated events count twice"), _MAPPING),
            events=tuple(row["event"] for row in own.events),
        )
    if unnamed:
        yield Draft(
            severity="info",
            title=f"{_listed(unnamed)}: no id is mapped",
            detail="A hash of what is mapped is the id: rows that agree in all of it have one.",
            fix="Map `id` when the table has one.",
        )


def _has_id(raw: Raw) -> bool:
    return getattr(raw.located, "id", None) is not None


def left_out(own: Own) -> Iterator[Draft]:
    """Rows that are not read."""
    rows = [
        (raw.located.words, REASONS[name.removeprefix("left ")], n)
        for raw, counts in own.tables
        for name, n in counts.items()
        if name.startswith("left ") and n
    ]
    if rows:
        total = sum(n for _, _, n in rows)
        yield Draft(
            severity="warning",
            title=f"{total:,} rows of your tables are left out",
            evidence=_table(("table", "rows that are", "rows"), rows, "rows left out", total),
            fix="Fill the columns, or name in `when` which rows are meant.",
            gates=(_MAPPING,),
        )


def normal_form(own: Own) -> Iterator[Draft]:
    """Texts that look alike and are not the same."""
    if own.functions.own is None or own.functions.own.is_nfc is None:
        yield Draft(
            severity="info",
            title="Unicode's normal form could not be checked",
            detail=f"{own.functions.dialect} has no function for it.",
            fix="Store texts in normal form C where they are written.",
        )
        return
    rows = [
        (raw.located.words, counts["not nfc"])
        for raw, counts in own.tables
        if counts.get("not nfc")
    ]
    if rows:
        total = sum(n for _, n in rows)
        yield Draft(
            severity="error",
            title=f"{total:,} texts are not in Unicode's normal form C",
            detail=(
                "Definitions are. An é made of e and an accent equals no é that anybody types, and"
                " one person may count as two."
            ),
            evidence=_table(("table", "texts"), rows, "texts", total),
            fix="Normalise them where they are written, or in a view: NORMALIZE(column, NFC).",
            gates=(Gate(kind="segments", text="texts with accents are compared wrongly"),),
        )


def lost_values(own: Own) -> Iterator[Draft]:
    """Numbers that become missing."""
    rows = [
        (raw.located.words, name.removeprefix("lost "), n)
        for raw, counts in own.tables
        for name, n in counts.items()
        if name.startswith("lost ") and n
    ]
    if rows:
        total = sum(n for _, _, n in rows)
        yield Draft(
            severity="warning",
            title=f"{total:,} numbers are read as missing",
            detail="They are not finite, or beyond ±9.2e12.",
            evidence=_table(("table", "value", "rows"), rows, "values", total),
            fix="Correct them where they are written.",
            gates=(Gate(kind="value goals", text="these values are in no sum"),),
        )


def times(own: Own) -> Iterator[Draft]:
    """Times that can't be right."""
    for name, words, why in (
        ("future", "lie in the future", "A clock or a unit is wrong."),
        ("ancient", "lie before 1990", "A missing time became zero, or the unit is wrong."),
    ):
        rows = [(row["event"], row[name]) for row in own.events if row[name]]
        if rows:
            total = sum(n for _, n in rows)
            yield Draft(
                severity="warning",
                title=f"{total:,} events {words}",
                detail=why,
                evidence=_table(("event", "rows"), rows, "events", total),
                fix="Check `ts`: its column, `format` and `zone`.",
                gates=(Gate(kind="lookback", text="these events are in no window they belong to"),),
                events=tuple(event for event, _ in rows),
            )


def one_row_each(own: Own) -> Iterator[Draft]:
    """People and items that have several rows."""
    for kind, row in (("people", own.people), ("items", own.items)):
        extra = row["n"] - row["keys"]
        if extra:
            yield Draft(
                severity="error",
                title=f"The table of {kind} has {extra:,} rows too many",
                detail=(
                    "One row for each was expected. A person with two rows has what either says;"
                    " an event whose item has two rows counts twice."
                ),
                evidence=Evidence(
                    figures=(
                        Figure(label="rows", value=row["n"], unit="rows"),
                        Figure(label=f"different {kind}", value=row["keys"], unit=kind),
                    )
                ),
                fix="Make a view with the newest row of each, and map the view.",
                gates=(Gate(kind="segments", text=f"conditions on {kind} can be wrong"),),
            )


def one_type(own: Own) -> Iterator[Draft]:
    """Properties whose tables keep them as values of several types."""
    names = own.read.catalog.properties.items()
    mixed = [(name, " and ".join(typed)) for name, typed in names if len(typed) > 1]
    if mixed:
        yield Draft(
            severity="warning",
            title=f"{_listed([name for name, _ in mixed])}: of several types",
            detail="A test sees the values of its own type only.",
            evidence=_table(("property", "types"), mixed, "properties", len(mixed)),
            fix="Give them one `type`, or different names.",
            gates=(_MAPPING,),
        )


def not_guaranteed(_: Own) -> Iterator[Draft]:
    """What a table can't promise, however good its rows are."""
    yield Draft(
        severity="info",
        title="What tables in place can't guarantee",
        detail=(
            "Traits, consents, items and lists are read as they are now: at a past date they tell"
            " what became known later. Rows may change or vanish between two builds, so a build"
            " can't be repeated, and its fingerprint is new each time. Ids, texts and times are"
            " checked here and not when they are written."
        ),
        fix="Ingest the data where a result must be repeated exactly.",
        gates=(Gate(kind="past dates", text="results at past dates may know the future"),),
    )


CHECKS: Final[Sequence[tuple[str, str, Callable[[Own], Iterable[Draft]]]]] = (
    ("IP001", "Does every event have an id of its own?", unique_ids),
    ("IP002", "Are there rows that can't be read?", left_out),
    ("IP003", "Is every text written in one way?", normal_form),
    ("IP004", "Are there numbers that can't be read?", lost_values),
    ("IP005", "Can the times be right?", times),
    ("IP006", "Does each person and item have one row?", one_row_each),
    ("IP007", "What can these tables not guarantee?", not_guaranteed),
    ("IP008", "Does each property have one type?", one_type),
)


def _table(
    columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], label: str, total: int
) -> Evidence:
    return Evidence(
        figures=(Figure(label=label, value=total),),
        table=Table(columns=columns, rows=tuple(rows), total=len(rows)),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


# --------------------------------------------------------------------------------------- result


def run_in_place(context: AuditContext, read: InPlace, functions: Functions) -> Audit:
    """Audit tables in place; checks whose code is in `context.ignore` are not run."""
    own = Own(context, read, functions)
    findings: list[Finding] = []
    results: list[CheckResult] = []
    for code, question, find in CHECKS:
        ignored = code in context.ignore
        drafts = [] if ignored else list(find(own))
        name = find.__name__
        findings += [Finding(**dict(draft), code=code, check=name) for draft in drafts]
        results.append(
            CheckResult(
                code=code, name=name, question=question, findings=len(drafts), ignored=ignored
            )
        )
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))
    return Audit(
        project=context.project,
        data=context.data,
        as_of=_iso(context.as_of_us),
        timezone=context.timezone,
        currency=context.currency,
        inventory=_inventory(own),
        findings=tuple(findings),
        checks=tuple(results),
        trust=tuple(trust([row["event"] for row in own.events], findings)),
    )


def _inventory(own: Own) -> Inventory:
    catalog = own.read.catalog
    events = tuple(
        EngagementPoint(
            event=row["event"],
            rows=row["n"],
            people=row["people"],
            first=_iso(row["first_us"]),
            last=_iso(row["last_us"]),
            first_day=_iso(row["first_us"])[:10],
            daily=(),
            properties=_properties(catalog.properties, row),
        )
        for row in own.events
    )
    states = {
        (row["purpose"], row["state"]): row["n"]
        for row in own.grouped("consents", "purpose", "state")
    }
    said = {p: [states.get((p, s), 0) for s in ("granted", "denied")] for p in catalog.purposes}
    return Inventory(
        rows=sum(row["n"] for row in own.events),
        people=own.everyone,
        people_with_record=own.people["keys"],
        people_with_events=_people_with_events(own),
        items=own.items["keys"],
        events=events,
        traits=_properties(catalog.traits, own.people),
        attributes=_properties(catalog.items, own.items),
        categories=(),
        lists=tuple(
            ListSize(list=row["list_id"], people=row["n"])
            for row in own.grouped("lists", "list_id")
        ),
        consents=tuple(
            Consent(purpose=p, granted=yes, denied=no, unknown=own.everyone - yes - no)
            for p, (yes, no) in said.items()
        ),
    )


def _people_with_events(own: Own) -> int:
    before = exp.LT(this=column("ts"), expression=number(own.context.as_of_us))
    distinct = exp.Count(this=exp.Distinct(expressions=[column("person")]))
    return int(own.row(select([named(distinct, "n")], table("events"), where=before))["n"])


def _properties(
    names: Mapping[str, Mapping[ValueType, str]], row: Mapping[str, Any]
) -> tuple[Property, ...]:
    """How many rows have each value, of those it is on at all; no value is shown."""
    return tuple(
        Property(
            name=name,
            type=type_,
            filled=row[f"{code}_filled"],
            fill_rate=row[f"{code}_filled"] / row["n"] if row["n"] else 0.0,
            distinct=row[f"{code}_values"],
            hidden=True,
        )
        for name, typed in names.items()
        for type_, code in typed.items()
        if row[f"{code}_filled"]
    )


def _iso(micros: int) -> str:
    return from_utc_micros(micros).isoformat().replace("+00:00", "Z")
