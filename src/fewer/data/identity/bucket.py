"""Stable buckets: the one rule by which people are split, everywhere in the product.

The first 16 hex digits of SHA-256 of the UTF-8 text ``salt + ":" + person``, read as an
unsigned 64-bit number over 2^64. It depends on nothing else, so that every engine, another
machine and another year give the same share of people.
"""

from __future__ import annotations

from hashlib import sha256


def share_of(person: str, *, salt: str) -> float:
    """Where a person stands in [0, 1) under `salt`; below 0.2 is one fifth of everyone.

    >>> f"{share_of('u-1', salt='spring'):.6f}"
    '0.862950'
    """
    return int(sha256(f"{salt}:{person}".encode()).hexdigest()[:16], 16) / 2**64
