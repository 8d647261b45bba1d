"""Matched rows: what a set of segments asks of the data, and the least that counting it can cost.

The matched rows of a leaf are the events that satisfy its event names, its window and its
`where`; a sequence has those of each of its steps. Summed over distinct leaves, they are the
rows that any way of answering must at least count. One `numpy.bincount` for each leaf over the
person numbers of its matched rows is the yardstick: it takes the rows as already found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fewer.evaluate.engines.base import Dataset
from fewer.evaluate.plan.atom import Atom, OneOf, Range, TextTest
from fewer.evaluate.plan.leaf import Behaviour, Chain, Leaf, Match, Pick
from fewer.evaluate.plan.passes import matches_of, since_of
from fewer.evaluate.plan.plan import Plan
from fewer_bench.figures import Took, timed


@dataclass(frozen=True, slots=True)
class Matched:
    """Rows, and seconds of counting them."""

    leaves: int
    rows: int
    each: Took
    """One bincount for each leaf."""

    zeros: float
    """Seconds of it in which the zeros are made at which each leaf's counters start."""


def matched(plan: Plan, data: Dataset, people: int) -> Matched:
    """Find the matched rows of every distinct leaf, and time counting them."""
    columns = _Columns(data)
    rows, counted, each = 0, 0, Took()
    for leaf in plan.leaves:
        found = [columns.persons(match, *_window(leaf)) for match in matches_of(leaf)]
        if not found:
            continue
        ids = np.concatenate(found)
        rows += len(ids)
        counted += 1
        each += timed(partial(np.bincount, ids, minlength=people))[1]
    nothing = np.zeros(0, np.uint32)
    zeros = min(timed(partial(np.bincount, nothing, minlength=people))[1].wall for _ in range(20))
    return Matched(len(plan.leaves), rows, each, zeros * counted)


def _window(leaf: Leaf) -> tuple[int | None, int | None]:
    match leaf:
        case Behaviour() | Chain():
            return leaf.window.start, leaf.window.end
        case Pick():
            return since_of(leaf), None
        case _:
            return None, None


class _Columns:
    """The events as arrays, one set for each event name, in the order of time."""

    def __init__(self, data: Dataset) -> None:
        names = sorted(
            {column for typed in data.catalog.properties.values() for column in typed.values()}
        )
        table = pq.ParquetDataset(
            list(data.files), partitioning=None, read_dictionary=["event", *_texts(data)]
        ).read(columns=["person", "ts", "event", *names])
        order = np.argsort(table["ts"].to_numpy(), kind="stable")
        events = _codes(table["event"])
        self._of: dict[str, dict[str, np.ndarray]] = {}
        self._words = {name: _codes(table[name])[1] for name in _texts(data)}
        held = {
            name: (_codes(table[name])[0] if name in self._words else table[name].to_numpy())[order]
            for name in ("person", "ts", *names)
        }
        codes = events[0][order]
        for code, event in enumerate(events[1]):
            rows = np.flatnonzero(codes == code)
            self._of[event] = {name: array[rows] for name, array in held.items()}
        for columns in self._of.values():
            columns["person"] = columns["person"].astype(np.uint32)

    def persons(self, match: Match, start: int | None, end: int | None) -> np.ndarray:
        """Person numbers of the rows that match in a window."""
        names = self._of if match.events is None else [e for e in match.events if e in self._of]
        found = [self._in(self._of[name], match, start, end) for name in names]
        return np.concatenate(found) if found else np.zeros(0, np.uint32)

    def _in(
        self, columns: dict[str, np.ndarray], match: Match, start: int | None, end: int | None
    ) -> np.ndarray:
        ts = columns["ts"]
        low = 0 if start is None else int(np.searchsorted(ts, start))
        high = len(ts) if end is None else int(np.searchsorted(ts, end))
        persons = columns["person"][low:high]
        tests = [self._holds(atom, columns, slice(low, high)) for atom in match.atoms]
        return persons[np.logical_and.reduce(tests)] if tests else persons

    def _holds(self, atom: Atom, columns: dict[str, np.ndarray], rows: slice) -> np.ndarray:
        match atom:
            case Range():
                values = columns[atom.column.name][rows]
                low = -np.inf if atom.low is None else atom.low
                high = np.inf if atom.high is None else atom.high
                return np.asarray((values >= low) & (values <= high))
            case OneOf():
                right = [w in atom.values for w in self._words[atom.column.name]]
            case TextTest(kind="starts_with"):
                right = [w.startswith(atom.text) for w in self._words[atom.column.name]]
            case _:
                raise NotImplementedError(atom)
        return np.array(right, bool)[columns[atom.column.name][rows]]


def _texts(data: Dataset) -> list[str]:
    """Columns of text."""
    typed = data.catalog.properties.values()
    return sorted(columns["text"] for columns in typed if "text" in columns)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """A dictionary column as codes and words."""
    whole = pc.dictionary_encode(column) if not _encoded(column) else column
    unified = whole.unify_dictionaries()
    words = unified.chunk(0).dictionary.to_pylist() if unified.num_chunks else []
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in unified.chunks]
    return np.concatenate(codes) if codes else np.zeros(0, np.int32), words


def _encoded(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type))
