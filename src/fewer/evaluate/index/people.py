"""Leaves about people themselves, and who everyone is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
from pyroaring import BitMap

from fewer.evaluate.index.counting import mark
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.predicate import Frame, whole_numbers
from fewer.evaluate.index.rows import Reader
from fewer.evaluate.plan.leaf import Granted, Listed, Match, Person, Sampled

PersonLeaf = Person | Granted | Listed | Sampled


@dataclass
class People:
    """What is known of people, as small relations or as sets of their numbers.

    Args:
        traits: One row a person; its keys are numbers.
        persons: Numbers of all who were not erased.
        granted: Purpose -> who granted consent for it.
        listed: List -> who is on it.
        sampled: Salt and threshold -> whose digest is below it.
    """

    traits: Frame
    persons: BitMap
    granted: Callable[[str], BitMap]
    listed: Callable[[str], BitMap]
    sampled: Callable[[str, str | None], BitMap]
    numbers: Array = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = whole_numbers(self.traits.keys).astype(np.uint32)

    def answer(self, leaf: PersonLeaf, reader: Reader) -> Array:
        """Bit set of those for whom the leaf holds."""
        space = reader.space
        match leaf:
            case Person():
                flags = np.ones(len(self.traits), bool)
                for atom in leaf.atoms:
                    flags &= self.traits.flags(atom)
                if leaf.default:
                    return ~space.bits(self.numbers[~flags])
                return space.bits(self.numbers[flags])
            case Granted():
                return space.bits(self.granted(leaf.purpose))
            case Listed():
                return space.bits(self.listed(leaf.list_id))
            case Sampled():
                return space.bits(self.sampled(leaf.salt, leaf.threshold))
            case _:
                assert_never(leaf)


def everyone(reader: Reader, people: People, as_of: int) -> Array:
    """Bit set of the universe: with traits, or an event before `as_of`; less the erased."""
    bits = reader.space.bits(people.numbers)
    whole = BitMap()
    for part in reader.parts:
        if part.last < as_of:
            whole |= part.people
    bits |= reader.space.bits(whole)
    for part in reader.parts:
        if part.first < as_of <= part.last:
            alone = Reader([part], reader.space, reader.items, reader.item_id)
            for chosen in alone.chosen(Match(None), None, as_of):
                mark(bits, alone, chosen)
    bits &= reader.space.bits(people.persons)
    return bits
