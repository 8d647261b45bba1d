"""The events that a plan needs, read once: names, time and columns, with item attributes joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from fewer.evaluate.plan.atom import Atom, Column, Given, Never
from fewer.evaluate.plan.leaf import (
    Behaviour,
    Chain,
    Distinct,
    Extreme,
    Leaf,
    Mean,
    Pick,
    Share,
    Sum,
    Value,
)
from fewer.evaluate.plan.passes import Names, matches_of
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.predicate import Place, one_of_texts
from fewer.evaluate.sql.tree import (
    column,
    every,
    left_join,
    named,
    number,
    select,
    table,
)
from fewer.model.catalog import ITEM_ID, Catalog

BASE = "base"
"""Name of the step that holds the events."""


def read_columns(leaf: Leaf) -> Iterator[Column]:
    """Columns of events and items that a leaf reads."""
    for match in matches_of(leaf):
        yield from atom_columns(match.atoms)
    match leaf:
        case Behaviour(measure=Sum() | Mean() | Extreme() as measure):
            if measure.column is not None:
                yield measure.column
        case Behaviour(measure=Distinct(key=Value(columns=columns))):
            yield from columns
        case Behaviour(measure=Share(atoms=atoms)) | Pick(having=atoms):
            yield from atom_columns(atoms)
        case Chain():
            for key in leaf.shape.keys:
                yield from key
        case _:
            return


def atom_columns(atoms: Iterable[Atom]) -> Iterator[Column]:
    """Columns that atoms test."""
    for atom in atoms:
        match atom:
            case Never():
                continue
            case Given():
                yield from atom.columns
            case _:
                yield atom.column


def base_name(stored: Column) -> str:
    """Name of a stored column in the base relation."""
    return f"item_{stored.name}" if stored.table == "items" else stored.name


def base_place(table_name: str = "") -> Place:
    """Columns as the base relation names them."""
    return lambda stored: column(base_name(stored), table_name)


def base(
    events: Names,
    since: int | None,
    columns: Iterable[Column],
    *,
    as_of_us: int,
    catalog: Catalog,
    functions: Functions,
    with_id: bool,
) -> exp.Select:
    """The events a plan needs: person, ts, event, [event_id], and the columns asked for."""
    wanted = sorted(set(columns))
    output: list[exp.Expr] = [column(name, "e") for name in ("person", "ts", "event")]
    if with_id:
        output.append(column("event_id", "e"))
    joins = []
    for stored in wanted:
        if stored.table == "items":
            output.append(named(column(stored.name, "i"), base_name(stored)))
        else:
            output.append(column(stored.name, "e"))
    if any(stored.table == "items" for stored in wanted):
        joins.append(_items(catalog))
    where: list[exp.Expr] = [exp.LT(this=column("ts", "e"), expression=number(as_of_us))]
    if since is not None:
        where.append(exp.GTE(this=column("ts", "e"), expression=number(since)))
    if events is not None:
        where.append(one_of_texts(column("event", "e"), events, functions))
    return select(output, table("events", "e"), where=every(where), joins=joins)


def _items(catalog: Catalog) -> exp.Join:
    item_id = catalog.properties[ITEM_ID]["text"]
    on = exp.EQ(this=column("item_id", "i"), expression=column(item_id, "e"))
    return left_join(table("items", "i"), on)


def universe(as_of_us: int) -> exp.Select:
    """Everyone: in `people`, or with an event before as_of; less the erased."""
    before = exp.LT(this=column("ts"), expression=number(as_of_us))
    seen = exp.Union(
        this=select([column("person")], table("people")),
        expression=select([column("person")], table("events"), where=before),
        distinct=True,
    )
    kept = select([column("person")], table("persons"))
    return select(
        [column("person", "u")],
        exp.Subquery(this=seen, alias=exp.TableAlias(this=exp.to_identifier("u"))),
        where=exp.In(this=column("person", "u"), query=exp.Subquery(this=kept)),
    )
