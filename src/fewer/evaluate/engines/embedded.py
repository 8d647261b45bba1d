"""The engine inside: plans evaluated on the engagement index, in this process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self, TypeVar

import numpy as np
import pyarrow as pa
from pyroaring import BitMap
from sqlglot import exp

from fewer.errors import EngineError, UnsupportedByEngineError
from fewer.evaluate.engines.base import (
    Capabilities,
    Dataset,
    EngineSettings,
    Evaluation,
    Progress,
    StepRun,
    Stop,
)
from fewer.evaluate.engines.collect import check
from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.engines.staging import staged
from fewer.evaluate.index.cache import Index
from fewer.evaluate.index.combine import Combiner
from fewer.evaluate.index.evaluate import Bits, Done, Evaluator
from fewer.evaluate.index.kernel import Kernel, plainly
from fewer.evaluate.index.layout import Array, DamagedPartError
from fewer.evaluate.index.people import People, everyone
from fewer.evaluate.index.plain import know
from fewer.evaluate.index.predicate import Frame, whole_numbers
from fewer.evaluate.index.rows import Reader
from fewer.evaluate.index.sequence import MOST_KINDS
from fewer.evaluate.index.space import bitmap, space
from fewer.evaluate.plan.leaf import Behaviour, Chain, Count, Leaf, Pick, is_constant
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.predicate import one_of_texts
from fewer.evaluate.sql.tree import column, select, table
from fewer.model.catalog import ITEM_ID

_MOST_KNOWN: Final = 256 << 20
"""Bytes of answers that are kept for the next question."""

_LARGE: Final = ("events", "ad_reports")
"""Relations that evaluation never reads: opening their files costs more than it does."""

_FEW: Final = 16
_OPEN: Final[dict[Path, Index]] = {}
"""Indexes mapped by this process: what was checked once need not be checked again."""

_OPENING: Final = Lock()
_MOST_OPEN: Final = 8

T = TypeVar("T")


class EmbeddedEngine:
    """Evaluates plans on the index; queries go to DuckDB, which reads the same files.

    Args:
        dataset: The project's own store.
        settings: Threads, and DuckDB's memory.
    """

    name = "embedded"
    capabilities = Capabilities(dialect="duckdb", executed_in_tests=True)

    def __init__(self, dataset: Dataset, settings: EngineSettings) -> None:
        if dataset.in_place:
            raise UnsupportedByEngineError(
                "The embedded engine reads the project's own store. To evaluate tables where they"
                " are, name their engine: --engine duckdb, postgres, clickhouse or spark; or ingest"
                " them."
            )
        self.settings = settings
        self.catalog = dataset.catalog
        self._dataset = dataset
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._queries: DuckDBEngine | None = None
        self._tables: DuckDBEngine | None = None
        self._known: dict[tuple[int, str, int], Bits] = {}
        self._everyone: dict[int, tuple[Array, BitMap]] = {}
        self._people: People | None = None
        self._items: Frame | None = None
        self._reader: Reader | None = None
        self._index: Index | None = None

    @classmethod
    def open(cls, dataset: Dataset, settings: EngineSettings) -> Self:
        """An engine over the files of the store; see `Engine.open`."""
        return cls(dataset, settings)

    def run(self, query: exp.Query, *, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run `query` on DuckDB and fetch every row; see `Engine.run`."""
        return self._sql().run(query, parameters=parameters)

    def hold(self, relation: str) -> None:
        """Keep a relation in memory for queries."""
        self._sql().hold(relation)

    def close(self) -> None:
        """Release what the engine holds; the index stays on disk."""
        for opened in (self._queries, self._tables):
            if opened:
                opened.close()
        if self._temporary:
            self._temporary.cleanup()

    def evaluate(
        self,
        plan: Plan,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Members of all segments of the plan, at its as_of."""
        if any(_is_long(leaf) for leaf in plan.leaves):
            return self._sql().evaluate(plan, progress=progress, should_stop=should_stop)
        know()
        first = not Kernel.loaded and not self._everyone and _is_light(plan)
        with plainly() if first else nullcontext():
            return self._whole(lambda: self._evaluate(plan, progress, should_stop))

    def prepare(
        self, *, progress: Progress | None = None, should_stop: Stop | None = None
    ) -> Index:
        """Bring the index up to date with the data files, and map it."""
        if self._index is None:
            self._index = self._opened(progress, should_stop)
        return self._index

    # ----------------------------------------------------------------------------- evaluating

    def _evaluate(
        self, plan: Plan, progress: Progress | None, should_stop: Stop | None
    ) -> Evaluation:
        start = time.perf_counter()
        index = self.prepare(progress=progress, should_stop=should_stop)
        check(should_stop)
        reader = self._rows(index)
        opened = time.perf_counter() - start
        known = self._kept(plan)
        asked = [leaf for leaf in plan.leaves if not is_constant(leaf)]
        hits = sum(leaf in known for leaf in asked)
        steps = [
            StepRun("index", None, "", index.rows if index.made else 0, opened, note=_words(index))
        ]
        steps += self._of_people(plan, asked, reader, known)
        evaluator = Evaluator(reader, plan, self.settings.threads, progress, should_stop)
        events = [leaf for leaf in asked if isinstance(leaf, Behaviour | Pick | Chain)]
        before = time.perf_counter()
        done = evaluator.answers(events, known)
        steps += _steps(done, plan, time.perf_counter() - before)
        start = time.perf_counter()
        if plan.as_of_us not in self._everyone:
            bits = everyone(reader, self._of_persons(), plan.as_of_us)
            self._everyone[plan.as_of_us] = bits, reader.space.persons(bits)
        everyone_bits, everyone_set = self._everyone[plan.as_of_us]
        combiner = Combiner(plan, everyone_bits, known)
        combiner.run()
        bitmaps: dict[int, BitMap] = {}

        def bitmap(bits: Array) -> BitMap:
            if id(bits) not in bitmaps:
                bitmaps[id(bits)] = reader.space.persons(bits)
            return bitmaps[id(bits)]

        matched = {i: bitmap(combiner.matched[i]) for i in plan.ids}
        members = {i: bitmap(combiner.members[i]).copy() for i in plan.ids}
        universe = everyone_set.copy()
        steps.append(StepRun("combine", None, "", len(universe), time.perf_counter() - start))
        facts = {
            "parts": len(index.parts),
            "parts_made": index.made,
            "index_bytes": index.bytes,
            "events": index.rows,
            "leaves": len(asked),
            "cache_hits": hits,
            "rows_read": sum(run.rows for run in done),
        }
        facts["parts_pruned"] = facts["parts"] - _parts_read(index, plan)
        return Evaluation(plan.as_of_us, universe, matched, members, tuple(steps), facts)

    def _of_people(
        self, plan: Plan, asked: Sequence[Leaf], reader: Reader, known: Bits
    ) -> list[StepRun]:
        steps = []
        numbers = {leaf: n for n, leaf in enumerate(plan.leaves)}
        for leaf in asked:
            if leaf in known or isinstance(leaf, Behaviour | Pick | Chain):
                continue
            start = time.perf_counter()
            people = self._of_persons()
            known[leaf] = people.answer(leaf, reader)
            name = f"people: {type(leaf).__name__.lower()}"
            seconds = time.perf_counter() - start
            steps.append(StepRun(name, None, "", len(people.traits), seconds, (numbers[leaf],)))
        return steps

    def _kept(self, plan: Plan) -> Bits:
        """Answers given before at the same moment, unless they have grown too many."""
        key = (plan.as_of_us, plan.timezone, plan.session_gap_us)
        size = sum(bits.nbytes for answers in self._known.values() for bits in answers.values())
        if size > _MOST_KNOWN:
            self._known.clear()
        return self._known.setdefault(key, {})

    # ------------------------------------------------------------------------------- the data

    def _sql(self) -> DuckDBEngine:
        """DuckDB over all relations; not before a query comes, as it opens every file of events."""
        if self._queries is None:
            self._queries = DuckDBEngine.open(self._dataset, self.settings)
        return self._queries

    def _read(self, query: exp.Select) -> pa.Table:
        """Rows of what is known of people and items, which evaluation needs beside the index."""
        if self._tables is None:
            named = self._dataset.relations.items()
            small = {name: relation for name, relation in named if name not in _LARGE}
            self._tables = DuckDBEngine.open(replace(self._dataset, relations=small), self.settings)
        return self._tables.run(query)

    def _opened(self, progress: Progress | None, should_stop: Stop | None) -> Index:
        folder = self._folder()
        files = (
            self._dataset.unmerged
            or self._dataset.files
            or (str(staged(self._dataset, folder, only=["events"])["events"]),)
        )
        with _OPENING:
            # Another engine may be open over other files: what is mapped is shared, no more.
            mapped = _OPEN.pop(folder, None)
            index = Index(folder, mapped.parts if mapped else ())
            while len(_OPEN) >= _MOST_OPEN:
                _OPEN.pop(next(iter(_OPEN)))
            if self._temporary is None:
                _OPEN[folder] = index
            threads = self.settings.threads
            index.open(
                files,
                merges=self._dataset.merges,
                threads=threads,
                progress=progress,
                should_stop=should_stop,
            )
        return index

    def _folder(self) -> Path:
        if self._dataset.cache is not None:
            return self._dataset.cache
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="fewer-index-")
        return Path(self._temporary.name)

    def _whole(self, evaluate: Callable[[], T]) -> T:
        """Evaluate; where a part proves damaged, make it anew and evaluate again."""
        files = self._dataset.unmerged or self._dataset.files
        for _ in range(len(files) + 2):
            try:
                return evaluate()
            except DamagedPartError as damaged:
                self._forget(str(damaged))
        raise EngineError(
            "The index is damaged again as soon as it is made: is the disk at fault?"
            " Evaluate without it: --engine duckdb"
        )

    def _forget(self, name: str) -> None:
        (self._folder() / name).unlink(missing_ok=True)
        with _OPENING:
            mapped = _OPEN.get(self._folder())
            if mapped:
                kept = [part for part in mapped.parts if part.file.path.name != name]
                mapped.parts = tuple(kept)
        self._index = self._reader = None

    def _rows(self, index: Index) -> Reader:
        if self._reader is None:
            people = self._of_persons()
            held = bitmap(people.numbers)
            columns = self.catalog.properties.get(ITEM_ID, {})
            self._reader = Reader(
                index.parts, space(index.parts, [held]), self._of_items(), columns.get("text")
            )
        return self._reader

    def _of_items(self) -> Frame:
        if self._items is None:
            self._items = self._frame("items", "item_id", self.catalog.items)
        return self._items

    def _of_persons(self) -> People:
        if self._people is None:
            numbers = self._read(select([column("person")], table("persons"))).column("person")
            self._people = People(
                self._frame("people", "person", self.catalog.traits),
                bitmap(_numbers(numbers)),
                self._granted,
                self._listed,
                self._sampled,
            )
        return self._people

    def _frame(self, relation: str, key: str, names: Mapping[str, Mapping[Any, str]]) -> Frame:
        columns = sorted({stored for typed in names.values() for stored in typed.values()})
        query = select([column(name) for name in (key, *columns)], table(relation))
        held = self._read(query).combine_chunks()

        def whole(name: str) -> pa.Array:
            found = held.column(name)
            return found.chunk(0) if found.num_chunks else pa.nulls(0, found.type)

        return Frame(whole(key), {name: whole(name) for name in columns})

    def _granted(self, purpose: str) -> BitMap:
        where = exp.and_(
            one_of_texts(column("purpose"), [purpose], DUCKDB),
            one_of_texts(column("state"), ["granted"], DUCKDB),
        )
        return self._persons_of(select([column("person")], table("consents"), where=where))

    def _listed(self, list_id: str) -> BitMap:
        where = one_of_texts(column("list_id"), [list_id], DUCKDB)
        return self._persons_of(select([column("person")], table("lists"), where=where))

    def _sampled(self, salt: str, threshold: str | None) -> BitMap:
        digest = DUCKDB.digest(f"{salt}:", column("key"))
        below = exp.LT(this=digest, expression=exp.Literal.string(threshold or "g"))
        return self._persons_of(select([column("person")], table("persons"), where=below))

    def _persons_of(self, query: exp.Select) -> BitMap:
        return bitmap(_numbers(self._read(query).column("person")))


def _steps(done: Sequence[Done], plan: Plan, wall: float) -> list[StepRun]:
    """Tasks as steps; the wall time of all is shared out by the time each thread worked."""
    numbers = {leaf: n for n, leaf in enumerate(plan.leaves)}
    worked = sum(run.seconds for run in done) or 1.0
    return [
        StepRun(
            run.task.name,
            None,
            "",
            run.rows,
            wall * run.seconds / worked,
            tuple(numbers[leaf] for leaf in run.task.leaves if leaf in numbers),
        )
        for run in done
    ]


def _parts_read(index: Index, plan: Plan) -> int:
    """Parts that hold anything the plan reads, going by times and names."""
    reads = plan.reads
    return sum(
        part.first < plan.as_of_us
        and (reads.since is None or part.last >= reads.since)
        and (reads.events is None or any(g.event in reads.events for g in part.groups))
        for part in index.parts
    )


def _numbers(column: pa.ChunkedArray) -> Array:
    """A column of whole numbers, none missing, as an array."""
    chunks = [whole_numbers(chunk) for chunk in column.chunks]
    return np.concatenate(chunks) if chunks else np.zeros(0, np.uint32)


def _is_light(plan: Plan) -> bool:
    """Whether loading compiled kernels would take longer than the plan does without them."""
    events = [leaf for leaf in plan.leaves if isinstance(leaf, Behaviour | Pick | Chain)]
    return len(events) <= _FEW and all(
        isinstance(leaf.measure, Count)
        if isinstance(leaf, Behaviour)
        else isinstance(leaf, Pick) and not leaf.having
        for leaf in events
    )


def _is_long(leaf: Leaf) -> bool:
    """Whether a sequence has more kinds of steps than a row of the index can tell apart."""
    return isinstance(leaf, Chain) and len({k.match for k in leaf.shape.links}) > MOST_KINDS


def _words(index: Index) -> str:
    made = f", {index.made:,} made now" if index.made else ""
    return f"{len(index.parts):,} parts mapped{made}"
