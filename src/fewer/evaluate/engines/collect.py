"""From rows of Arrow to bitmaps: what every engine that answers in SQL does with its results."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from fewer.errors import StoppedError
from fewer.evaluate.engines.base import StepRun, Stop
from fewer.evaluate.sql.program import Result

Number = Callable[[pa.Array], pa.Array]
"""Texts of persons -> their numbers."""


@dataclass(slots=True)
class Collector:
    """Streams results into the bitmaps of their segments, a chunk at a time.

    Args:
        dialect: SQLGlot dialect of the queries.
        number: Given when the first column holds texts instead of numbers.
    """

    dialect: str
    should_stop: Stop | None = None
    number: Number | None = None
    everyone: BitMap = field(default_factory=BitMap)
    matched: dict[str, BitMap] = field(default_factory=dict)
    members: dict[str, BitMap] = field(default_factory=dict)

    def universe(self, chunks: Iterable[pa.RecordBatch]) -> None:
        """Take everyone from chunks of one column, the person."""
        for chunk in chunks:
            self._add(chunk.column(0), [self.everyone], None)

    def take(self, name: str, result: Result, chunks: Iterable[pa.RecordBatch]) -> StepRun:
        """Take a result: chunks of person and one boolean for each flag of the result."""
        start = time.perf_counter()
        rows = 0
        targets: list[BitMap] = []
        for segment in result.segments:
            targets.append(self.matched.setdefault(segment, BitMap()))
            if segment in result.excluding:
                targets.append(self.members.setdefault(segment, BitMap()))
        for chunk in chunks:
            check(self.should_stop)
            rows += chunk.num_rows
            self._add(chunk.column(0), targets, chunk.columns[1:])
        for segment in result.segments:
            self.members.setdefault(segment, self.matched[segment].copy())
        return StepRun(name, result.query, self.dialect, rows, time.perf_counter() - start)

    def _add(
        self, persons: pa.Array, targets: Sequence[BitMap], flags: Sequence[pa.Array] | None
    ) -> None:
        """Add the persons to each target, or to those for whom its flag is true."""
        if self.number is not None:
            persons = self.number(persons)
        numbers = persons.to_numpy(zero_copy_only=False).astype(np.uint32, copy=False)
        # Roaring bitmaps take a sorted array of the C type many times faster than anything else.
        order = np.argsort(numbers)
        numbers = numbers[order]
        for n, target in enumerate(targets):
            chosen = flags[n].to_numpy(zero_copy_only=False)[order] if flags is not None else None
            found = numbers if chosen is None else numbers[chosen.astype(bool, copy=False)]
            if found.size:
                target.update(array("I", found.tobytes()))


def check(should_stop: Stop | None) -> None:
    """Raise `StoppedError` when the caller asks to stop."""
    if should_stop and should_stop():
        raise StoppedError("Stopped on request.")
