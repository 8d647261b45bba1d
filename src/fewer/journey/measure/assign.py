"""Putting people into arms by hash: the same people in every run, on every engine.

A person stands at the first 16 hex digits of SHA-256 of ``salt + ":" + person``, as text: the
rule of the `sample` condition. Arms take their shares in the order written, so the first arm of
20 % is exactly who ``sample: {percent: 20, salt: SALT}`` matches, on whatever engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.data.identity.bucket import share_of
from fewer.model.condition import SampleRule
from fewer.model.experiment import Arm

Digests = NDArray[np.bytes_]

_ABOVE_ALL = "g"  # greater than every hex digit
_WHOLE = Decimal(100)


def digests(people: Sequence[str], salt: str) -> Digests:
    """Where each person stands under `salt`: 16 hex digits; shape as `people`.

    >>> digests(["u-1"], "spring")
    array([b'dcea4a2d76405827'], dtype='|S16')
    """
    start = sha256(f"{salt}:".encode())
    found = []
    for person in people:
        one = start.copy()
        one.update(person.encode())
        found.append(one.hexdigest()[:16].encode())
    return np.array(found, dtype="S16")


def thresholds(arms: Sequence[Arm], salt: str) -> list[str]:
    """Upper ends of the arms: digests below the first are in the first arm, and so on."""
    ends, together = [], Decimal(0)
    for arm in arms:
        together += arm.percent
        end = SampleRule(percent=min(together, _WHOLE), salt=salt).threshold
        ends.append(end or _ABOVE_ALL)
    return ends


def split(
    numbers: NDArray[np.uint32], people: Sequence[str], arms: Sequence[Arm], salt: str
) -> dict[str, BitMap]:
    """Arm -> people, each by their own hash alone: who else is there changes nothing.

    Args:
        numbers: Person numbers.
        people: Their ids, in the same order.
        arms: In the order that they take their shares; together 100 %.
        salt: Mixed into each hash.
    """
    ends = np.array([end.encode() for end in thresholds(arms, salt)], dtype="S16")
    at = np.searchsorted(ends, digests(people, salt), side="right")
    return {arm.id: BitMap(numbers[at == i].tolist()) for i, arm in enumerate(arms)}


def split_within(
    numbers: NDArray[np.uint32],
    people: Sequence[str],
    arms: Sequence[Arm],
    salt: str,
    strata: Mapping[str, BitMap],
) -> dict[str, BitMap]:
    """Arm -> people, with the shares kept inside every stratum, to within one person.

    Inside a stratum people are put in the order of their hashes and cut at the shares. What
    rounding leaves over goes up or down by the stratum's own hash, so that many small strata
    still make the shares planned. Whoever is in no stratum forms one more.
    """
    found = {arm.id: BitMap() for arm in arms}
    where = digests(people, salt)
    left = np.ones(len(numbers), dtype=bool)
    cuts = np.cumsum([float(arm.percent) / 100 for arm in arms])
    for name, members in [*sorted(strata.items()), ("", None)]:
        inside = left.copy() if members is None else left & np.isin(numbers, _array(members))
        left &= ~inside
        rows = np.flatnonzero(inside)
        ordered = numbers[rows[np.lexsort((numbers[rows], where[rows]))]]
        start = share_of(name, salt=f"{salt}:stratum")
        ends = np.minimum(np.floor(cuts * len(ordered) + start), len(ordered)).astype(int)
        ends[-1] = len(ordered)
        begin = 0
        for arm, end in zip(arms, ends, strict=True):
            found[arm.id] |= BitMap(ordered[begin:end].tolist())
            begin = int(end)
    return found


def strata_of(traits: Sequence[Mapping[str, BitMap]], population: BitMap) -> dict[str, BitMap]:
    """Groups of people who agree in every trait; a missing value is a value of its own."""
    groups = {"": population}
    for values in traits:
        finer: dict[str, BitMap] = {}
        for name, members in groups.items():
            rest = members
            for value, who in sorted(values.items()):
                if both := members & who:
                    finer[f"{name}|{value}"] = both
                rest = rest - who
            if rest:
                finer[f"{name}|(missing)"] = rest
        groups = finer
    return groups


def _array(people: BitMap) -> NDArray[np.uint32]:
    return np.asarray(people.to_array(), dtype=np.uint32)
