"""What must change at a platform so that it holds exactly who should be there.

A row is known by its token, a keyed digest; nothing here sees an identifier. Rows of which it
isn't known whether they arrived are added again if they should be there, and removed if not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyroaring import BitMap

from fewer.model.delivery import Held

LEFT: Final = "left the segment"
CHANGED: Final = "identifier changed"

DESTROYS_SHARE: Final = 0.5
DESTROYS_ROWS: Final = 100
"""A removal of more than this share of what is there, and more rows than this, must be allowed."""


@dataclass(frozen=True, slots=True)
class Change:
    """Rows to add and to remove: tokens in order, with whose they are.

    `removed_why` counts rows by reason.
    """

    add: tuple[bytes, ...]
    add_people: tuple[int, ...]
    remove: tuple[bytes, ...]
    remove_people: tuple[int, ...]
    unchanged: int
    known: int
    removed_why: Mapping[str, int]

    @property
    def destroys(self) -> bool:
        """Whether it takes away so much that somebody must allow it."""
        many = len(self.remove)
        return many > DESTROYS_ROWS and many > DESTROYS_SHARE * self.known

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done."""
        return not self.add and not self.remove


def change(
    wanted: Mapping[bytes, int],
    known: Mapping[bytes, Held],
    *,
    why: Sequence[tuple[str, BitMap]] = (),
    again: bool = False,
) -> Change:
    """Compare what should be there with what is.

    Args:
        wanted: Token -> person, of every row that should be there.
        known: Token -> row that is there, or may be.
        why: Reason -> people who may not be there for it, the first that fits is told.
        again: Send every wanted row, as a full refresh does.
    """
    people = BitMap(wanted.values())
    add = [t for t in wanted if again or t not in known or not known[t].certain]
    remove = [t for t in known if t not in wanted]
    reasons: Counter[str] = Counter()
    for token in remove:
        person = known[token].person
        if person in people:
            reasons[CHANGED] += 1
        else:
            reasons[next((name for name, who in why if person in who), LEFT)] += 1
    return Change(
        tuple(add),
        tuple(wanted[t] for t in add),
        tuple(remove),
        tuple(known[t].person for t in remove),
        unchanged=len(wanted) - len(add),
        known=len(known),
        removed_why=dict(sorted(reasons.items())),
    )
