"""Reading outcomes and prior activity through an engine: trees over `events`, arrays back.

Which events are conversions is decided by the same code that decides who is in a segment
(`fewer.evaluate.plan` and `fewer.evaluate.sql`), so a goal and a condition with the same words
mean the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlglot import exp

from fewer.errors import DefinitionError
from fewer.evaluate.engines.base import Engine
from fewer.evaluate.plan.atom import Column, columns_of
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.plan.leaf import Match
from fewer.evaluate.plan.lower import Lowering
from fewer.evaluate.sql.events import BASE, atom_columns, base, base_name, base_place, universe
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.predicate import match_condition
from fewer.evaluate.sql.tree import (
    case,
    column,
    every,
    left_join,
    named,
    nested,
    number,
    ordered,
    select,
    table,
    window,
)
from fewer.journey.measure.ads import AdDay
from fewer.journey.measure.cost import FACTS
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.outcomes import AtRisk, Outcomes, among
from fewer.model.catalog import SESSION_ID, Catalog
from fewer.model.goal import Goal
from fewer.model.number import MICRO
from fewer.model.window import DAY, local_date, local_midnight

_MICRO_FACTS = ("spend", "conversions", "value")  # stored in micro-units


@dataclass(frozen=True, slots=True)
class Reader:
    """An engine, and what is needed to ask it about events."""

    engine: Engine
    catalog: Catalog
    timezone: str
    confidence: float = 0.95
    functions: Functions = DUCKDB

    def everyone(self, as_of_us: int) -> BitMap:
        """Every person of the universe at a moment."""
        found = self.engine.run(universe(as_of_us))
        return BitMap(found.column("person").to_numpy().astype(np.uint32, copy=False))

    def listed(self, list_id: str) -> BitMap:
        """People on an uploaded or synced list, such as a holdout; empty for an unknown list."""
        same = exp.EQ(this=column("list_id"), expression=self.functions.literal(list_id))
        found = self.engine.run(select([column("person")], table("lists"), where=same))
        return BitMap(found.column("person").to_numpy().astype(np.uint32, copy=False))

    def outcomes(
        self, goal: Goal, at: Landmark, everyone: BitMap, *, at_risk: AtRisk = "everyone"
    ) -> Outcomes:
        """Conversions of a goal after the moment, by person.

        A conversion is dropped when an event of `reversed_by` at or after it agrees with it on
        all of `same`, as far as the data goes. With ``counts: first`` a person's value is that
        of the first conversion left; with ``every`` it is the sum.
        """
        query = _Conversions(goal, at, self).query()
        rows = self.engine.run(query).sort_by("person")
        person, before, count = (
            rows.column(name).to_numpy() for name in ("person", "before", "conversions")
        )
        known = BitMap(person[before > 0].astype(np.uint32))
        people = everyone if at_risk == "everyone" else everyone - known
        keep = among(person, people) & (count > 0)
        worth = "first_value" if goal.counts == "first" else "value"
        value = None
        if goal.value is not None:
            micros = rows.column(worth).cast("double").to_numpy(zero_copy_only=False)
            value = np.nan_to_num(micros[keep]) / MICRO
        counted = np.minimum(count, 1) if goal.counts == "first" else count
        return Outcomes(
            goal=goal,
            landmark=at,
            persons=person[keep].astype(np.uint32),
            conversions=counted[keep].astype(np.int64),
            value=value,
            before=known & people,
            at_risk=people,
            currency=(goal.value.currency or "") if goal.value else "",
            confidence=self.confidence,
        )

    def conversions(
        self, goal: Goal, *, until_us: int
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Person and time of every conversion before `until_us` that nothing took back.

        For designs with many index times: one question for all of them. Ascending by time.
        """
        at = Landmark(until_us, until_us, until_us, until_us)
        rows = self.engine.run(_Conversions(goal, at, self).each()).sort_by("ts")
        return (
            rows.column("person").to_numpy().astype(np.uint32),
            rows.column("ts").to_numpy().astype(np.int64),
        )

    def happened(
        self, goal: Goal, *, until_us: int
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.float64] | None]:
        """Person, time and value of every conversion before `until_us` that nothing took back.

        Ascending by time, ties by event id; no values where the goal has none.
        """
        at = Landmark(until_us, until_us, until_us, until_us)
        rows = self.engine.run(_Conversions(goal, at, self).each(whole=True))
        rows = rows.sort_by([("ts", "ascending"), ("event_id", "ascending")])
        value = None
        if goal.value is not None:
            micros = rows.column("value").cast("double").to_numpy(zero_copy_only=False)
            value = np.nan_to_num(micros) / MICRO
        return (
            rows.column("person").to_numpy().astype(np.uint32),
            rows.column("ts").to_numpy().astype(np.int64),
            value,
        )

    def data_end(self, *, not_after_us: int) -> int | None:
        """First instant of which nothing is known; None without an event before `not_after_us`.

        The local day of the newest event counts as known to its end, as daily files bring it,
        but not beyond `not_after_us` (now): events of clocks that run ahead are no data yet.
        """
        newest = exp.Max(this=column("ts"))
        past = exp.LT(this=column("ts"), expression=number(not_after_us))
        rows = self.engine.run(select([named(newest, "newest")], table("events"), where=past))
        last = rows.column("newest")[0].as_py()
        if last is None:
            return None
        zone = ZoneInfo(self.timezone)
        return min(local_midnight(local_date(last, zone) + timedelta(days=1), zone), not_after_us)

    def ad_days(self) -> list[AdDay]:
        """Ad reports, added up by day, ad, segment, arm and currency."""
        ids = ("platform", "campaign", "ad_set", "ad")
        named = ("campaign_name", "ad_set_name", "ad_name")
        keys = ("day", "segment", "arm", "currency", *ids, *named)
        totals = [_sum(self.functions.int128(column(fact)), fact) for fact in FACTS]
        rows = self.engine.run(
            select(
                [*(column(key) for key in keys), *totals],
                table("ad_reports"),
                group=[column(key) for key in keys],
            )
        ).to_pylist()
        return [_ad_day(row) for row in rows]

    def active_days(
        self, start_us: int, end_us: int
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """People with an event in ``[start, end)`` and on how many UTC days they had one."""
        day = self.functions.quotient(column("ts"), DAY)
        distinct = exp.Count(this=exp.Distinct(expressions=[day]))
        rows = self.engine.run(
            select(
                [column("person"), named(distinct, "days")],
                table("events"),
                where=every(
                    [
                        exp.GTE(this=column("ts"), expression=number(start_us)),
                        exp.LT(this=column("ts"), expression=number(end_us)),
                    ]
                ),
                group=[column("person")],
            )
        )
        return (
            rows.column("person").to_numpy().astype(np.uint32),
            rows.column("days").to_numpy().astype(np.int64),
        )


def _sum(of: exp.Expr, name: str) -> exp.Expr:
    """A sum with a name."""
    return named(exp.Sum(this=of), name)


def _ad_day(row: dict[str, Any]) -> AdDay:
    names = tuple(
        (level, tuple(dict.fromkeys(n for n in (row[level], row[f"{level}_name"]) if n)))
        for level in ("campaign", "ad_set", "ad")
    )
    facts = {f: float(row[f] or 0) / (MICRO if f in _MICRO_FACTS else 1) for f in FACTS}
    return AdDay(
        day=row["day"],
        segment=row["segment"],
        arm=row["arm"],
        currency=row["currency"],
        platform=row["platform"] or "",
        ad_key="/".join(row[k] or "" for k in ("platform", "campaign", "ad_set", "ad")),
        names=names,
        **facts,
    )


@dataclass(frozen=True, slots=True)
class _Conversions:
    """The query for the conversions of one goal, one row a person."""

    goal: Goal
    at: Landmark
    reader: Reader

    def query(self) -> exp.Select:
        """Person, conversions in the window, their value, the first one's, and those before."""
        return self._over_events(self._by_person)

    def each(self, *, whole: bool = False) -> exp.Select:
        """Person and time of every conversion, whenever it was; its id and value when `whole`."""
        wanted: list[exp.Expr] = [column("person", "k"), column("ts", "k")]
        if whole:
            values = [column(base_name(value), "k") for value in self._value()]
            amounts: list[exp.Expr] = [*values, number(0)]
            wanted += [column("event_id", "k"), named(amounts[0], "value")]
        return self._over_events(lambda rows: select(wanted, nested(rows, "k")))

    def _over_events(self, shape: Callable[[exp.Select], exp.Select]) -> exp.Select:
        lowering = Lowering(self.reader.catalog, Clock(self.at.index_us, self._zone))
        matches = [lowering.match(self.goal.did, self.goal.where)]
        reversal = self.goal.reversed_by
        if reversal is not None:
            matches.append(lowering.match(reversal.did, reversal.where))
        rows = self._matching(matches[0], columns=[*self._keys(), *self._value()])
        if reversal is not None:
            rows = self._not_reversed(rows, matches[1])
        grouped = shape(rows)
        stored = {c for m in matches for c in atom_columns(m.atoms)}
        events = base(
            _names(matches),
            None,
            [*stored, *self._keys(), *self._value()],
            as_of_us=self.at.data_end_us,
            catalog=self.reader.catalog,
            functions=self.reader.functions,
            with_id=True,
        )
        return grouped.with_(BASE, events, copy=False)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.reader.timezone)

    def _value(self) -> list[Column]:
        if self.goal.value is None:
            return []
        typed = columns_of(self.goal.value.of, self.reader.catalog)
        return [c for c in typed if c.type == "number"]

    def _keys(self) -> list[Column]:
        return [c for key in self._key_groups() for c in key]

    def _key_groups(self) -> list[tuple[Column, ...]]:
        reversal = self.goal.reversed_by
        if reversal is None:
            return []
        if SESSION_ID in reversal.same:
            msg = (
                f"Goal {self.goal.id!r}: reversed_by can't use {SESSION_ID!r}, which is derived."
                " Name a property that both events carry, such as order_id."
            )
            raise DefinitionError(msg)
        return [columns_of(name, self.reader.catalog) for name in reversal.same]

    def _matching(self, match: Match, *, columns: list[Column]) -> exp.Select:
        """Person, time, id and columns of the events that match."""
        names = dict.fromkeys(base_name(c) for c in columns)
        output = [column(name) for name in ("person", "ts", "event_id", *names)]
        return select(output, table(BASE), where=self._is(match))

    def _is(self, match: Match) -> exp.Expr | None:
        return match_condition(match, base_place(), self.reader.functions, event=column("event"))

    def _not_reversed(self, rows: exp.Select, match: Match) -> exp.Select:
        """Conversions without a reversal at or after them that agrees on every key."""
        keys = [base_name(c) for c in dict.fromkeys(self._keys())]
        given = [_any_given([base_name(c) for c in group]) for group in self._key_groups()]
        last = select(
            [*(column(k) for k in ("person", *keys)), named(exp.Max(this=column("ts")), "undone")],
            table(BASE),
            where=every([c for c in [self._is(match), *given] if c is not None]),
            group=[column(k) for k in ("person", *keys)],
        )
        agrees: list[exp.Expr] = [
            exp.EQ(this=column("person", "r"), expression=column("person", "c"))
        ]
        agrees += [exp.NullSafeEQ(this=column(k, "r"), expression=column(k, "c")) for k in keys]
        alive = exp.Or(
            this=exp.Is(this=column("undone", "r"), expression=exp.Null()),
            expression=exp.LT(this=column("undone", "r"), expression=column("ts", "c")),
        )
        return select(
            [exp.Column(this=exp.Star(), table=exp.to_identifier("c"))],
            nested(rows, "c"),
            joins=[left_join(nested(last, "r"), every(agrees) or exp.true())],
            where=alive,
        )

    def _by_person(self, rows: exp.Select) -> exp.Select:
        inside: list[exp.Expr] = [
            exp.GTE(this=column("ts"), expression=number(self.at.start_us)),
            exp.LT(this=column("ts"), expression=number(self.at.measured_until_us)),
        ]
        counts = every(inside)
        earlier = exp.LT(this=column("ts"), expression=number(self.at.index_us))
        rank = window(
            exp.RowNumber(),
            partition=[column("person"), exp.Paren(this=_copy(counts))],
            order=[
                ordered(column("ts")),
                ordered(self.reader.functions.bytewise(column("event_id"))),
            ],
        )
        ranked = select([exp.Star(), named(rank, "place")], nested(rows, "k"))
        output = [
            column("person"),
            named(exp.Count(this=case(_copy(counts), number(1))), "conversions"),
            named(exp.Count(this=case(earlier, number(1))), "before"),
        ]
        for value in self._value():
            amount = self.reader.functions.int128(column(base_name(value)))
            first = every([_copy(counts), exp.EQ(this=column("place"), expression=number(1))])
            output += [
                named(exp.Sum(this=case(_copy(counts), amount)), "value"),
                named(exp.Max(this=case(_copy(first), column(base_name(value)))), "first_value"),
            ]
        if self.goal.value is not None and not self._value():
            output += [named(number(0), "value"), named(number(0), "first_value")]
        return select(output, nested(ranked, "p"), group=[column("person")])


def _copy(tree: exp.Expr | None) -> exp.Expr:
    return exp.true() if tree is None else tree.copy()


def _any_given(names: list[str]) -> exp.Expr:
    """Whether some column of a key has a value; a property that the data lacks never has."""
    given = [exp.Not(this=exp.Is(this=column(n), expression=exp.Null())) for n in names]
    return exp.Paren(this=exp.or_(*given, copy=False)) if given else exp.false()


def _names(matches: list[Match]) -> tuple[str, ...] | None:
    names: set[str] = set()
    for match in matches:
        if match.events is None:
            return None
        names |= set(match.events)
    return tuple(sorted(names))
