"""How many people platforms ask of an audience before they show anything to it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MINIMUMS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "Google": 100,
        "Meta": 100,
        "Pinterest": 100,
        "X": 100,
        "LinkedIn": 300,
        "Microsoft": 300,
        "Reddit": 1_000,
        "Snapchat": 1_000,
        "TikTok": 1_000,
        "The Trade Desk": 1_500,
    }
)
"""Platform -> people it must have *matched*, as their help pages said in 2026-11. Fewer are matched
than are sent, so an audience of just so many is too small."""


def too_few_for(people: int) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Minimums that so many people can't reach even if all are matched, with their platforms.

    >>> too_few_for(400)
    ((1000, ('Reddit', 'Snapchat', 'TikTok')), (1500, ('The Trade Desk',)))
    """
    short = [(least, name) for name, least in MINIMUMS.items() if people < least]
    by_least = itertools.groupby(sorted(short), key=lambda one: one[0])
    return tuple((least, tuple(name for _, name in names)) for least, names in by_least)


def in_words(people: int) -> str:
    """The same as words; empty when there are enough for all.

    >>> in_words(250)
    'LinkedIn and Microsoft (300), Reddit, Snapchat and TikTok (1,000), The Trade Desk (1,500)'
    """
    return ", ".join(f"{_joined(names)} ({least:,})" for least, names in too_few_for(people))


def _joined(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
