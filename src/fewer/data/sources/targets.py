"""What rows become: events, people, items, lists, ad reports. One function stages each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import sqlglot.expressions as exp

from fewer.data.reports.base import known
from fewer.data.sources import times, values
from fewer.data.sources.fields import Relation, Scope
from fewer.data.sources.flatten import flatten
from fewer.data.sources.stage import Context, Sheet
from fewer.data.sources.values import Reading
from fewer.data.store.registry import Kind
from fewer.data.store.sql import call, fill, texts
from fewer.data.store.writer import Writer
from fewer.errors import SettingsError
from fewer.model.mapping import (
    EPOCHS,
    ITEM_ID,
    AdReportMapping,
    ConsentValue,
    EventMapping,
    Flatten,
    ItemsMapping,
    ListsMapping,
    PeopleMapping,
    SourceSettings,
    Time,
    Value,
)
from fewer.model.values import ValueType

AD_TEXTS: Final = (
    "platform",
    "account",
    "campaign",
    "campaign_name",
    "ad_set",
    "ad_set_name",
    "ad",
    "ad_name",
    "segment",
    "arm",
    "currency",
)
AD_COUNTS: Final = ("impressions", "clicks")
AD_AMOUNTS: Final = ("spend", "conversions", "value")


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged table and what the store needs to know of it.

    Attributes:
        target: Table of the store that its rows are for.
        sheet: The staged table, ready to be run.
        secondary: Made beside another sheet of the same rows, which reports their refusals.
        notes: Warnings about the mapping as a whole.
    """

    target: str
    sheet: Sheet
    notes: tuple[tuple[str, int], ...] = ()
    secondary: bool = False

    @property
    def lost(self) -> dict[str, str]:
        """Staged column -> warning that a true value in it means."""
        return {f"w{i}": name for i, name in enumerate(self.sheet.lost)}


def sheets(
    writer: Writer, source: SourceSettings, relation: Relation, *, zone: str, seq: int
) -> list[Staged]:
    """The staged tables that a source's mappings make of one file, not yet run."""
    context = Context(source.id, zone, writer.registry)

    count = iter(range(1_000_000))

    def sheet() -> Sheet:
        return Sheet(Scope(relation), context, seq, next(count))

    made = [_events(writer, sheet(), mapping) for mapping in source.events]
    if source.people is not None:
        made += _people(writer, sheet, source.people)
    if source.items is not None:
        made.append(_items(writer, sheet(), source.items))
    made += [_list(sheet(), mapping) for mapping in source.lists]
    if source.ad_reports is not None:
        made.append(_ad_report(sheet(), source.ad_reports))
    return made


def _events(writer: Writer, sheet: Sheet, mapping: EventMapping) -> Staged:
    scope = sheet.scope
    notes: list[tuple[str, int]] = []
    if mapping.explode is not None and not scope.explode(mapping.explode):
        notes.append((f"not_an_array {mapping.explode}", 1))
    sheet.only(mapping.when)
    event = sheet.name(mapping.event, missing="event_missing")
    sheet.content.append(event)
    sheet.person(mapping.person)
    at = sheet.moment(mapping.ts)
    sheet.refuse(fill("$t IS NULL", t=at), "ts_missing")
    sheet.content.append(at)
    sheet.columns |= {
        "event": event,
        "ts": at,
        "day": fill("strftime(make_timestamp($t), '%Y-%m-%d')", t=at),
    }
    notes += _coded(writer, sheet, "p", mapping.properties, mapping.flatten)
    if mapping.id is None:
        sheet.columns["gid"] = fill("CAST(NULL AS VARCHAR)")
        sheet.columns["h"] = sheet.digest()
        return Staged("events", sheet, tuple(notes))
    sheet.given_ids = True
    parts = [
        scope.let(call("nullif", call("nfc_normalize", values.plain_text(scope, scope.get(c))), ""))
        for c in mapping.id.columns
    ]
    for part in parts:
        sheet.refuse(fill("$p IS NULL", p=part), "event_id_missing")
    given = call("concat_ws", "/", *parts) if len(parts) > 1 else parts[0]
    prefix = mapping.id.prefix
    sheet.columns["gid"] = fill("$p || $g", p=prefix, g=given) if prefix else given
    sheet.columns["h"] = fill("CAST(NULL AS VARCHAR)")
    return Staged("events", sheet, tuple(notes))


def _coded(
    writer: Writer,
    sheet: Sheet,
    kind: Kind,
    mapped: Mapping[str, Value],
    star: Flatten | None,
) -> list[tuple[str, int]]:
    """Add mapped values, and those that ``"*"`` finds, in the order of their names."""
    zone = sheet.context.zone
    found: dict[str, tuple[Reading, bool]] = {}
    notes: list[tuple[str, int]] = []
    if star is not None:
        flat, notes = flatten(writer, sheet.scope, star, zone=zone, taken=set(mapped))
        found |= {name: (reading, False) for name, reading in flat.items()}
    for name, spec in mapped.items():
        text = kind == "p" and name == ITEM_ID
        reading = values.read(sheet.scope, spec, zone=zone, as_type="text" if text else None)
        found[name] = (reading, spec.required)
    for name in sorted(found):
        reading, required = found[name]
        sheet.value(kind, name, reading, required=required)
    return notes


def _people(writer: Writer, sheet: Callable[[], Sheet], mapping: PeopleMapping) -> list[Staged]:
    people = sheet()
    people.only(mapping.when)
    people.person(mapping.person)
    _valid_from(people, mapping)
    notes = _coded(writer, people, "t", mapping.traits, mapping.flatten)
    people.columns["content"] = people.digest()
    made = [Staged("people", people, tuple(notes))]
    for purpose, consent in mapping.consents.items():
        part = _also(sheet(), mapping)
        part.columns["purpose"] = exp.Literal.string(purpose)
        part.columns["state"] = part.columns["content"] = _state(part.scope, consent)
        made.append(Staged("consents", part, secondary=True))
    for kind, name in mapping.contacts.items():
        part = _also(sheet(), mapping)
        text = values.plain_text(part.scope, part.scope.get(name))
        given = part.scope.let(call("nullif", fill("trim($t)", t=call("nfc_normalize", text)), ""))
        part.refuse(fill("$v IS NULL", v=given), "no_contact")
        part.columns |= {"kind": exp.Literal.string(kind), "value": given, "content": exp.Null()}
        made.append(Staged("contacts", part, secondary=True))
    return made


def _also(sheet: Sheet, mapping: PeopleMapping) -> Sheet:
    """A further sheet about the same people."""
    sheet.only(mapping.when)
    sheet.person(mapping.person)
    _valid_from(sheet, mapping)
    return sheet


def _state(scope: Scope, consent: ConsentValue) -> exp.Expr:
    if consent.constant is not None:
        return exp.Literal.string(consent.constant)
    text = values.plain_text(scope, scope.get(consent.column or ""))
    word = scope.let(fill("lower(trim($t))", t=text))
    return scope.let(
        fill(
            "CASE WHEN list_contains($yes, $w) THEN 'granted' "
            "WHEN list_contains($no, $w) THEN 'denied' ELSE 'unknown' END",
            yes=texts([granted.lower() for granted in consent.granted]),
            no=texts([denied.lower() for denied in consent.denied]),
            w=word,
        )
    )


def _items(writer: Writer, sheet: Sheet, mapping: ItemsMapping) -> Staged:
    sheet.only(mapping.when)
    reading = values.read(sheet.scope, mapping.item_id, zone=sheet.context.zone, as_type="text")
    item = sheet.scope.let(call("nullif", reading.values["text"], ""))
    sheet.refuse(fill("$i IS NULL", i=item), "item_id_missing")
    sheet.columns["item_id"] = item
    sheet.content.append(item)
    _valid_from(sheet, mapping)
    notes = _coded(writer, sheet, "i", mapping.attributes, mapping.flatten)
    sheet.columns["content"] = sheet.digest()
    return Staged("items", sheet, tuple(notes))


def _list(sheet: Sheet, mapping: ListsMapping) -> Staged:
    sheet.only(mapping.when)
    sheet.columns["list_id"] = sheet.name(mapping.list, missing="list_missing")
    sheet.person(mapping.person)
    _valid_from(sheet, mapping)
    sheet.columns["content"] = exp.Literal.string("")
    return Staged("lists", sheet)


def _valid_from(sheet: Sheet, mapping: PeopleMapping | ItemsMapping | ListsMapping) -> None:
    if mapping.valid_from is None:
        sheet.columns["valid_from"] = fill("CAST(NULL AS BIGINT)")
    else:
        at = sheet.moment(mapping.valid_from)
        sheet.columns["valid_from"] = at
        sheet.content.append(at)


def _ad_report(sheet: Sheet, given: AdReportMapping) -> Staged:
    zone, scope = sheet.context.zone, sheet.scope
    mapping = known(given, tuple(scope.relation.columns) or tuple(scope.relation.known),
                    source=sheet.context.source)  # fmt: skip
    sheet.only(mapping.when)
    day = _day(sheet, mapping)
    sheet.refuse(fill("$d IS NULL", d=day), "day_unparseable")
    sheet.columns["day"] = day
    for name in (*AD_TEXTS, *AD_COUNTS, *AD_AMOUNTS):
        spec: Value | None = getattr(mapping, name)
        text = name in AD_TEXTS
        if spec is None:
            sheet.columns[name] = fill(f"CAST(NULL AS {'VARCHAR' if text else 'BIGINT'})")
            continue
        wanted: ValueType = "text" if text else "number"
        reading = values.read(scope, spec, zone=zone, as_type=wanted)
        if wanted not in reading.values:
            raise SettingsError(
                f"Source {sheet.context.source!r}: 'ad_reports.{name}' must be a {wanted}."
            )
        value: exp.Expr = scope.let(reading.values[wanted])
        if reading.lost is not None:
            sheet.lost[f"value_not_{wanted} {name}"] = scope.let(reading.lost)
        if name in AD_COUNTS:
            value = fill("CAST($v // 1000000 AS BIGINT)", v=value)
        sheet.columns[name] = value
    return Staged("ad_reports", sheet)


def _day(sheet: Sheet, mapping: AdReportMapping) -> exp.Expr:
    """Calendar date of a report: as the platform wrote it, or of the ad account's clock."""
    scope, time = sheet.scope, mapping.day or Time(column="day")
    if time.constant is not None:
        return scope.let(times.wall_date(exp.Literal.string(time.constant), ("iso",)))
    if mapping.account_zone is not None and time.column:
        at = values.timestamp(
            scope, scope.get(time.column), formats=time.format, zone=time.zone or "UTC"
        )
        return scope.let(times.local_date(scope.let(at), mapping.account_zone))
    if time.columns:
        parts = [values.plain_text(scope, scope.get(name)) for name in time.columns]
        return scope.let(times.wall_date(scope.let(call("concat_ws", " ", *parts)), time.format))
    found = scope.get(time.column or "")
    if time.format[0] in EPOCHS:
        at = values.timestamp(scope, found, formats=time.format, zone="UTC")
        return scope.let(fill("strftime(make_timestamp($t), '%Y-%m-%d')", t=at))
    if found.shape in ("naive", "nanos", "date", "aware"):
        return scope.let(fill("strftime(CAST($t AS TIMESTAMP), '%Y-%m-%d')", t=found.sql))
    return scope.let(times.wall_date(values.plain_text(scope, found), time.format))
