"""Leaves about events, answered on the index: grouped by what they share, on several threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from fewer.errors import StoppedError
from fewer.evaluate.index import counting, distinct, ordering, pairs, sequence, summing
from fewer.evaluate.index.layout import Array
from fewer.evaluate.index.rows import Reader
from fewer.evaluate.plan.leaf import (
    Behaviour,
    Burst,
    Chain,
    Count,
    Distinct,
    Extreme,
    Leaf,
    Mean,
    Pick,
    Share,
    Sum,
    Value,
)
from fewer.evaluate.plan.plan import Plan

EventLeaf = Behaviour | Pick | Chain
Bits = dict[Leaf, Array]

_EARLY: Final = ("counts",)
"""Families that others need answers of."""


@dataclass(frozen=True, slots=True)
class Task:
    """Leaves that one pass answers, and who asked for them."""

    family: str
    leaves: tuple[Any, ...]

    @property
    def name(self) -> str:
        """What it is, in words: the family, and what its events are called."""
        match = getattr(self.leaves[0], "match", None)
        if match is None:
            return f"{self.family}: a sequence"
        names = "any event" if match.events is None else ", ".join(match.events)
        return f"{self.family}: {names}"


@dataclass(frozen=True, slots=True)
class Done:
    """A task that was run: what it took."""

    task: Task
    rows: int
    seconds: float


@dataclass(slots=True)
class Work:
    """Tasks of some leaves, and the further leaves that they need first."""

    leaves: Sequence[EventLeaf]
    as_of: int
    needs: dict[Leaf, tuple[Behaviour, ...]] = field(default_factory=dict)

    def tasks(self, known: Mapping[Leaf, Array]) -> tuple[list[Task], list[Task]]:
        """Tasks to run first, and those that read their answers; nothing that is `known`."""
        wanted = [leaf for leaf in dict.fromkeys(self.leaves) if leaf not in known]
        for group in _grouped(wanted).values():
            for leaf in group:
                self.needs[leaf] = _needed(leaf, group, self.as_of)
        further = [n for needs in self.needs.values() for n in needs if n not in known]
        early: list[Task] = []
        late: list[Task] = []
        for (family, *_), group in _grouped([*wanted, *further]).items():
            target = early if family in _EARLY else late
            target.append(Task(family, tuple(dict.fromkeys(group))))
        return early, late


def _grouped(leaves: Iterable[EventLeaf]) -> dict[tuple[Any, ...], list[Any]]:
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for leaf in leaves:
        groups.setdefault(_family(leaf), []).append(leaf)
    return groups


def _family(leaf: EventLeaf) -> tuple[Any, ...]:
    """Name of what answers a leaf, and what all leaves of one pass agree on."""
    match leaf:
        case Pick():
            return "picks", leaf.match, leaf.latest
        case Chain():
            return "pairs" if pairs.is_pair(leaf.shape) else "chains", leaf.shape
        case Behaviour():
            return _behaviour(leaf)
        case _:
            assert_never(leaf)


def _behaviour(leaf: Behaviour) -> tuple[Any, ...]:
    measure, shared = leaf.measure, (leaf.match, leaf.window.end)
    match measure:
        case Count():
            return "counts", *shared
        case Share():
            return "shares", *shared, measure
        case Sum() | Mean():
            return "sums", *shared, measure.column
        case Extreme():
            return "extremes", *shared, measure
        case Distinct(key=Value()):
            return "values", leaf.match, measure
        case Distinct():
            return "spans", *shared, measure
        case Burst():
            return "bursts", leaf.match
        case _:
            assert_never(measure)


def _needed(leaf: EventLeaf, group: Sequence[Any], as_of: int) -> tuple[Behaviour, ...]:
    """Leaves of counts whose answers a leaf is computed from."""
    match leaf:
        case Chain():
            return () if pairs.is_pair(leaf.shape) else sequence.needed(group, as_of)
        case Pick():
            other = ordering.outside(leaf, as_of)
            return (ordering.inside(leaf), *([] if other is None else [other]))
        case Behaviour(measure=Burst()):
            return (ordering.enough(leaf),)
        case _:
            return ()


@dataclass
class Evaluator:
    """Answers leaves about events.

    Args:
        reader: The rows.
        plan: What was asked, for its moment, days and sessions.
        threads: Tasks at a time.
        tell: Told of each task that was done, of how many there are done and in all.
        should_stop: Asked before each task.
    """

    reader: Reader
    plan: Plan
    threads: int = 2
    tell: Callable[[str, int, int], None] | None = None
    should_stop: Callable[[], bool] | None = None

    def answers(self, leaves: Sequence[EventLeaf], known: Bits) -> list[Done]:
        """Add an answer for every leaf to `known`."""
        work = Work(leaves, self.plan.as_of_us)
        early, late = work.tasks(known)
        done: list[Done] = []
        total = len(early) + len(late)
        with ThreadPoolExecutor(max(1, self.threads)) as pool:
            for tasks in (early, late):
                jobs = [pool.submit(self._run, task, known) for task in tasks]
                try:
                    for job in jobs:
                        answers, run = job.result()
                        known.update(answers)
                        done.append(run)
                        if self.tell:
                            self.tell(run.task.name, len(done), total)
                except BaseException:
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
        return done

    def _run(self, task: Task, known: Bits) -> tuple[Bits, Done]:
        if self.should_stop and self.should_stop():
            raise StoppedError("Stopped on request.")
        start = time.thread_time()
        reader = replace(self.reader, touched=0)
        answers = self._answer(task, reader, known)
        return answers, Done(task, reader.touched, time.thread_time() - start)

    def _answer(self, task: Task, reader: Reader, known: Bits) -> Bits:
        leaves = task.leaves
        as_of = self.plan.as_of_us
        match task.family:
            case "counts":
                return _plain(counting.counts(reader, leaves))
            case "shares":
                return _plain(summing.shares(reader, leaves))
            case "sums":
                return _plain(summing.sums(reader, leaves))
            case "extremes":
                return _plain(summing.extremes(reader, leaves))
            case "values":
                return _plain(distinct.values(reader, leaves))
            case "spans":
                return _plain(counting.spans(reader, self.plan, leaves))
            case "bursts":
                return ordering.bursts(reader, leaves, known)
            case "pairs":
                return pairs.pairs(reader, leaves, as_of=as_of)
            case "picks":
                return ordering.picks(reader, leaves, known, as_of)
            case _:
                gap = self.plan.session_gap_us
                return sequence.chains(reader, leaves, known, as_of=as_of, session_gap=gap)


def _plain(answers: Mapping[Behaviour, Array]) -> Bits:
    return {leaf: bits for leaf, bits in answers.items()}  # noqa: C416  a dict of any leaf
