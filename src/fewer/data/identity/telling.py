"""Words of others without what may be somebody: addresses, numbers, digests."""

from __future__ import annotations

import re
from typing import Final

_SOMEBODY: Final = re.compile(r"\S+@\S+|\+?\d[\d\s().-]{6,}|[0-9a-fA-F]{16,}|[A-Za-z0-9+/]{40,}=?")
_LONGEST: Final = 200


def told(words: str) -> str:
    """A platform's words as they may be kept and shown.

    >>> told("bad value jane@example.com in row 3"), told("hash 9f86d081884c7d659a2f is short")
    ('bad value … in row 3', 'hash … is short')
    """
    return _SOMEBODY.sub("…", " ".join(words.split()))[:_LONGEST]
