"""Parts of the index as evaluation sees them: groups of rows of one name, and dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyroaring import BitMap

from fewer.evaluate.index.digest import concerning, fingerprint, gone, unreadable
from fewer.evaluate.index.layout import Array, PartFile


class Part:
    """What the index knows of one data file.

    Args:
        file: The mapped part.
        data: The data file that it was made from.
    """

    def __init__(self, file: PartFile, data: Path) -> None:
        self.file = file
        self.data = data
        self.groups = tuple(
            Group(self, number, facts) for number, facts in enumerate(file.facts["groups"])
        )
        self.memo: dict[Any, Any] = {}
        """What evaluation derived from the dictionaries, by what it was derived for."""
        self.held = 0
        """Bytes of all that."""

        self.room = _LEAST_ROOM
        """Bytes that it may have; the index divides what there is among its parts."""

    @property
    def rows(self) -> int:
        """Events in the part."""
        return int(self.file.facts["rows"])

    @property
    def top(self) -> int:
        """Largest number of a person."""
        return int(self.file.facts["top"])

    @cached_property
    def first(self) -> int:
        """Time of the earliest event."""
        return min((group.first for group in self.groups), default=0)

    @cached_property
    def last(self) -> int:
        """Time of the latest event."""
        return max((group.last for group in self.groups), default=0)

    @cached_property
    def people(self) -> BitMap:
        """Numbers of all persons with an event in the part."""
        return BitMap.deserialize(self.file.array("people").tobytes())

    @cached_property
    def identities(self) -> BitMap:
        """The same before identities were replaced by the persons they belong to."""
        return BitMap.deserialize(self.file.array("identities").tobytes())

    def is_of(self, merges: Mapping[int, int]) -> bool:
        """Whether the part was made with just these merges, as far as they concern it."""
        made = str(self.file.facts["merged"])
        if not merges:
            return not made
        return made == fingerprint(concerning(merges, self.identities))

    def texts(self, name: str) -> pa.Array | None:
        """Distinct texts of a column, code 1 first; None when the part has none."""
        if f"{name}.offsets" not in self.file:
            return None
        offsets, data = (self.file.array(f"{name}.{part}") for part in ("offsets", "bytes"))
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)

    @cached_property
    def ids(self) -> tuple[pa.Array, ...]:
        """Ids of the events of each group, in the order of its rows; read from the data file."""
        try:
            table = pq.read_table(self.data, columns=["event", "ts", "event_id"], partitioning=None)
        except FileNotFoundError:
            raise gone(self.data) from None
        except (OSError, pa.ArrowException) as error:
            raise unreadable(self.data, error) from None
        table = table.append_column("key", table.column("event_id").cast(pa.large_binary()))
        found = []
        for group in self.groups:
            rows = table.filter(pc.equal(table.column("event"), group.event))
            rows = rows.sort_by([("ts", "ascending"), ("key", "ascending")])
            found.append(rows.column("key").combine_chunks())
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one event name in one part, ordered by time and then by event id."""

    part: Part = field(repr=False)
    number: int
    facts: Mapping[str, Any] = field(repr=False)

    event: str = field(init=False)
    """Name of the events."""

    rows: int = field(init=False)
    """How many there are."""

    first: int = field(init=False)
    last: int = field(init=False)
    """Times of the first and of the last."""

    def __post_init__(self) -> None:
        for name, kind in (("event", str), ("rows", int), ("first", int), ("last", int)):
            object.__setattr__(self, name, kind(self.facts[name]))

    @property
    def persons(self) -> Array:
        """Number of the person of each row (uint32)."""
        return self.part.file.array(f"{self.number}.person")

    def span(self, start: int | None, end: int) -> tuple[int, int]:
        """Rows ``[low, high)`` whose time lies in ``[start, end)``."""
        low = 0 if start is None or start <= self.first else self._place(start)
        high = self.rows if end > self.last else self._place(end)
        return low, max(low, high)

    def _place(self, instant: int) -> int:
        """First row at or after an instant within the group's times."""
        base, unit = int(self.facts["base"]), int(self.facts["unit"])
        wanted = -(-(instant - base) // unit)
        if wanted <= 0:
            return 0
        times = self.part.file.array(f"{self.number}.ts")
        if times.dtype == np.uint32 and wanted >= 1 << 32:
            return self.rows
        return int(np.searchsorted(times, times.dtype.type(wanted)))

    def instants(self, rows: Array | slice) -> Array:
        """Times of some rows, UTC microseconds (int64)."""
        times = self.part.file.array(f"{self.number}.ts")[rows].astype(np.int64)
        unit, base = int(self.facts["unit"]), int(self.facts["base"])
        if unit != 1:
            times *= unit
        if base:
            times += base
        return times

    @property
    def ticks(self) -> tuple[Array, int, int]:
        """Times of all rows as numbers of units since a base; then the base and the unit."""
        times = self.part.file.array(f"{self.number}.ts")
        return times, int(self.facts["base"]), int(self.facts["unit"])

    def has(self, name: str) -> bool:
        """Whether any row has a value of the column."""
        return name in self.facts["columns"]

    def least(self, name: str) -> int:
        """Smallest value (or code) of a column that the group has."""
        return int(self.facts["columns"][name][0])

    def most(self, name: str) -> int:
        """Largest value (or code) of a column that the group has."""
        return int(self.facts["columns"][name][1])

    def values(self, name: str) -> Array:
        """Codes, numbers, times, or 0 missing, 1 false, 2 true, of every row."""
        return self.part.file.array(f"{self.number}.{name}")


Make = Callable[[], Any]


def remembered(part: Part, key: Any, make: Make) -> Any:
    """What `make` gives, kept with the part: dictionaries never change."""
    found = part.memo.get(key)
    if found is None:
        found = make()
        if len(part.memo) > _MOST_REMEMBERED or part.held + found.nbytes > part.room:
            part.memo.clear()
            part.held = 0
        part.memo[key] = found
        part.held += found.nbytes
    return found


_MOST_REMEMBERED = 4_096
_LEAST_ROOM = 1 << 20
