"""Person numbers to people's ids, read from the store once and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from pyroaring import BitMap


class Keys:
    """The dictionary of people: number -> id as the sources write it."""

    def __init__(
        self, read: Callable[[], pa.Table], read_identities: Callable[[], pa.Table] | None = None
    ) -> None:
        self._read = read
        self._read_identities = read_identities

    @cached_property
    def _table(self) -> pa.Table:
        return self._read().sort_by("person")

    def of(self, people: BitMap) -> pa.Array:
        """Ids of these people, in the order of their numbers; the erased are left out."""
        return self.table(people)["key"].combine_chunks()

    def table(self, people: BitMap) -> pa.Table:
        """(person, key) of these people, in the order of their numbers."""
        import numpy as np
        import pyarrow as pa

        numbers = self._table["person"].to_numpy()
        wanted = np.asarray(people.to_array(), dtype=numbers.dtype)
        at = np.searchsorted(numbers, wanted)
        inside = at < len(numbers)
        at, wanted = at[inside], wanted[inside]
        found = at[numbers[at] == wanted]
        return self._table.take(pa.array(found))

    def number(self, key: str) -> int | None:
        """Number of the person with this id; None when there is none."""
        import pyarrow.compute as pc

        at = pc.index(self._table["key"], key).as_py()
        if at >= 0:
            return int(self._table["person"][at].as_py())
        if self._read_identities is None:
            return None
        others = self._identities
        at = pc.index(others["key"], key).as_py()
        return None if at < 0 else int(others["person"][at].as_py())

    def numbers(self) -> dict[str, int]:
        """Number of every id, also of those merged into another person's."""
        tables = [self._table] if self._read_identities is None else [self._identities, self._table]
        return {
            key: number
            for found in tables
            for key, number in zip(
                found["key"].to_pylist(), found["person"].to_pylist(), strict=True
            )
        }

    @cached_property
    def _identities(self) -> pa.Table:
        """Ids that were merged into another person's, with that person's number."""
        return self._read_identities() if self._read_identities else self._table.slice(0, 0)
