"""One condition for "this event is such a behaviour", to be put into any query over `events`.

For parts of the product that read events themselves (outcomes, the last thing someone did),
so that what an event *is* stays written once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlglot import exp

from fewer.evaluate.plan.atom import Atom, Given
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.plan.lower import Lowering
from fewer.evaluate.sql.events import atom_columns
from fewer.evaluate.sql.functions.base import Functions
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.predicate import conjunction, one_of_texts, plain
from fewer.evaluate.sql.tree import boolean, column, every, known, negated, select, table
from fewer.model.catalog import ITEM_ID, Catalog
from fewer.model.predicate import Predicate


def event_predicate(
    events: Sequence[str],
    where: Mapping[str, Predicate] | None,
    catalog: Catalog,
    *,
    as_of_us: int,
    timezone: str = "UTC",
    alias: str = "events",
    functions: Functions = DUCKDB,
) -> exp.Condition:
    """Whether a row of `events` (under that alias) has such a name and satisfies `where`.

    True or false, never null. Attributes of items are looked up in `items` by a subquery, so no
    join is needed around it. Says nothing of time or person: the caller bounds those.

    >>> catalog = Catalog(properties={"path": {"text": "p1_t"}})
    >>> event_predicate(["view"], None, catalog, as_of_us=0).sql("duckdb")
    "COALESCE(events.event = 'view', FALSE)"
    """
    match = Lowering(catalog, Clock(as_of_us, ZoneInfo(timezone))).match(tuple(events), where)
    tests: list[exp.Expr] = []
    if match.events is not None:
        tests.append(one_of_texts(column("event", alias), match.events, functions))
    own = [atom for atom in match.atoms if not _of_item(atom)]
    condition = conjunction(own, plain(alias), functions)
    if condition is not None:
        tests.append(condition)
    tests += _item_tests([a for a in match.atoms if _of_item(a)], catalog, alias, functions)
    return known(every(tests) or boolean(True))


def _of_item(atom: Atom) -> bool:
    return any(stored.table == "items" for stored in atom_columns([atom]))


def _item_tests(
    atoms: Sequence[Atom], catalog: Catalog, alias: str, functions: Functions
) -> list[exp.Expr]:
    tests: list[exp.Expr] = []
    missing = [atom for atom in atoms if isinstance(atom, Given) and not atom.present]
    given = conjunction([a for a in atoms if a not in missing], plain(), functions)
    if given is not None:
        tests.append(_item_in(given, catalog, alias))
    for atom in missing:  # also true of an event without an item, or of an unknown item
        present = conjunction([Given(atom.columns, present=True)], plain(), functions)
        tests.append(negated(known(_item_in(present or boolean(True), catalog, alias))))
    return tests


def _item_in(condition: exp.Expr, catalog: Catalog, alias: str) -> exp.Expr:
    item_id = column(catalog.properties[ITEM_ID]["text"], alias)
    items = select([column("item_id")], table("items"), where=condition)
    return exp.In(this=item_id, query=exp.Subquery(this=items))
