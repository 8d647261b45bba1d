"""Which region each person belongs to: a trait, or the last event that says where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap
from sqlglot import exp

from fewer.errors import NotFoundError
from fewer.evaluate.sql.tree import column, named, nested, number, ordered, select, table, window
from fewer.model.number import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fewer.project.knowing import Knowing


@dataclass(frozen=True, slots=True)
class Stated:
    """Region -> people, each in one at most.

    Attributes:
        nowhere: People of whom no region is known.
        several: People of whom the data states two regions at once: they are in none.
        taken_from: Where regions were read, in words.
    """

    members: Mapping[str, BitMap]
    nowhere: int
    several: int
    taken_from: str


def stated(known: Knowing, name: str, at_us: int | None = None) -> Stated:
    """People by region as at a moment; a trait of that name goes before a property.

    Args:
        known: Whose moment it is, unless `at_us` is given: events are read up to then. Traits
            are those of the moment known.
        name: Of a trait, or of a property of events.
        at_us: An earlier moment.

    Raises:
        NotFoundError: neither a trait nor a property has that name.
    """
    catalog = known.project.generation.catalog
    if name in catalog.traits:
        found, words = known.trait(name), f"the trait {name!r}"
    elif name in catalog.properties:
        found, words = (
            _last_said(known, name, at_us or known.as_of_us),
            f"{name!r} of each person's last event that says it",
        )
    else:
        every = [*catalog.traits, *catalog.properties]
        raise NotFoundError("trait or property", name, every)
    seen, twice = BitMap(), BitMap()
    for people in found.values():
        twice |= seen & people
        seen |= people
    members = {
        region: (people - twice) & known.everyone for region, people in sorted(found.items())
    }
    members = {region: people for region, people in members.items() if people}
    several = len(twice & known.everyone)
    return Stated(members, len(known.everyone - seen), several, words)


def _last_said(known: Knowing, name: str, at_us: int) -> dict[str, BitMap]:
    """Value -> people whose most recent event with the property has it."""
    typed = sorted(known.project.generation.catalog.properties[name].items())
    columns = [column(coded) for _, coded in typed]
    given = exp.or_(*(exp.not_(c.is_(exp.null())) for c in columns))
    past = exp.LT(this=column("ts"), expression=number(at_us))
    place = window(
        exp.RowNumber(),
        partition=[column("person")],
        order=[
            ordered(column("ts"), descending=True),
            ordered(column("event_id"), descending=True),
        ],
    )
    every = select(
        [column("person"), *columns, named(place, "place")],
        table("events"),
        where=exp.and_(past, exp.Paren(this=given)),
    )
    last = exp.EQ(this=column("place"), expression=number(1))
    wanted = [column("person"), *(column(coded) for _, coded in typed)]
    rows = known.engine.run(select(wanted, nested(every, "e"), where=last))
    people = rows.column("person").to_numpy().astype(np.uint32)
    labels = np.full(len(people), None, dtype=object)
    for kind, coded in typed:
        for i, value in enumerate(rows.column(coded).to_pylist()):
            if value is not None and labels[i] is None:
                labels[i] = str(from_micros(value)) if kind == "number" else str(value)
    found: dict[str, BitMap] = {}
    names, at = np.unique(labels.astype(str), return_inverse=True)
    for i, label in enumerate(names.tolist()):
        found[label] = BitMap(people[at == i].tolist())
    return found
