"""Merges of identities: kept as one small table, pinned by generations like all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fewer.data.identity.graph import merged, split
from fewer.errors import NotFoundError

if TYPE_CHECKING:
    from fewer.data.store.generation import Generation
    from fewer.data.store.store import Store
    from fewer.data.store.writer import Writer

SOURCE = "merges"
"""Stands where the name of a source stands in the names of data files."""


@dataclass(frozen=True, slots=True)
class Merging:
    """What merging or splitting changed.

    Attributes:
        before: Identities that stood for no person of their own before.
        after: The same afterwards.
        unknown: Ids among those given that nobody has.
    """

    before: int
    after: int
    unknown: int


def mapping(files: Sequence[str]) -> dict[int, int]:
    """Identity -> the one that stands for its person, from the files that say so."""
    found: dict[int, int] = {}
    for path in files:
        table = pq.read_table(path, partitioning=None)
        found.update(zip(table["person"].to_pylist(), table["root"].to_pylist(), strict=True))
    return found


def merge(store: Store, pairs: Sequence[tuple[str, str]], *, dry_run: bool = False) -> Merging:
    """Make each two ids one person; ids that nobody has are counted and left out.

    Of a person's identities a known one stands for it before an anonymous one, an older one
    before a younger.
    """
    numbers, anonymous = _identities(store.generation())
    known = [(numbers.get(a), numbers.get(b)) for a, b in pairs]
    unknown = sum(number is None for pair in known for number in pair)
    whole = [(a, b) for a, b in known if a is not None and b is not None]

    def change(before: dict[int, int]) -> dict[int, int]:
        return merged(before, whole, lambda number: (number in anonymous, number))

    return _change(store, change, unknown, dry_run=dry_run)


def take_apart(store: Store, ids: Sequence[str], *, dry_run: bool = False) -> Merging:
    """Make identities persons of their own again: these, and those merged into them.

    Raises `NotFoundError` when nobody has one of the ids.
    """
    numbers, _ = _identities(store.generation())
    if any(key not in numbers for key in ids):
        raise NotFoundError("person", "with one of these ids", hint="Ids are not repeated here.")
    apart = [numbers[key] for key in ids]
    return _change(store, lambda before: split(before, apart), 0, dry_run=dry_run)


def _change(
    store: Store, change: Callable[[dict[int, int]], dict[int, int]], unknown: int, *, dry_run: bool
) -> Merging:
    if dry_run:
        before = dict(store.generation().merges)
        return Merging(len(before), len(change(before)), unknown)
    with store.write() as writer:
        before = dict(writer.base.merges)
        after = change(before)
        if after != before:
            _publish(writer, after)
    return Merging(len(before), len(after), unknown)


def _publish(writer: Writer, roots: dict[int, int]) -> None:
    table = pa.table(
        {
            "person": pa.array(list(roots), pa.int32()),
            "root": pa.array(list(roots.values()), pa.int32()),
        }
    )
    writer.take_out("merges")
    writer.write_arrow("merges", SOURCE, table)
    digest = sha256(repr(sorted(roots.items())).encode()).hexdigest() if roots else ""
    writer.facts = writer.facts.model_copy(update={"merges": digest})
    writer.publish([], now_us=None)


def _identities(generation: Generation) -> tuple[dict[str, int], set[int]]:
    """Number of each id, and the numbers of anonymous ones."""
    numbers: dict[str, int] = {}
    anonymous: set[int] = set()
    for path in generation.files("persons"):
        table = pq.read_table(path, partitioning=None)
        people = table["person"].to_numpy().astype(np.int64)
        numbers.update(zip(table["key"].to_pylist(), people.tolist(), strict=True))
        kinds = table["kind"].to_numpy(zero_copy_only=False)
        anonymous.update(people[kinds == "anonymous"].tolist())
    return numbers, anonymous
