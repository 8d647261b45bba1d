"""(a) All segments of a mix on the index, beside the same segments asked of other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from pyroaring import BitMap

from fewer.evaluate.engines.base import Dataset
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.evaluate.sql.program import Program, as_query, program
from fewer_bench import subject
from fewer_bench.figures import Budget, Section, Took, number, timed, told
from fewer_bench.matched import matched
from fewer_bench.mix import MIXES, Drawn, every
from fewer_bench.options import Options
from fewer_bench.peers.base import Inexpressible, Peer
from fewer_bench.peers.frames import Frames
from fewer_bench.peers.plain_sql import PlainSql
from fewer_bench.peers.posthog import PostHog
from fewer_bench.world import World, planned

BUDGETS: Final = {PlainSql.name: 150.0, PostHog.name: 80.0}
"""Peer -> how many times faster the index promises to be."""

_COLUMNS: Final = (
    "compared with",
    "segments it can say",
    "timed",
    "seconds",
    "index, same segments",
    "times faster",
    "by processor time",
)


class OwnSql(PlainSql):
    """DuckDB with the standalone query that fewer prints for a segment (`fewer segments sql`)."""

    name = "DuckDB, fewer's own query each"
    about = "the standalone query of each segment over the same files; joins everyone; 2 threads"

    def __init__(self, data: Dataset, as_of: int, compiled: Program) -> None:
        super().__init__(data, as_of)
        self._compiled = compiled
        for relation in ("people", "consents", "items", "lists"):
            query = data.relations[relation].sql("duckdb")
            self._db.execute(f"CREATE VIEW {relation} AS {query}")

    def prepare(self, drawn: Drawn) -> str:
        """The segment as one query."""
        return as_query(self._compiled, drawn.id).sql("duckdb")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a peer took for the segments it can say."""

    can: list[Drawn]
    timed: int
    took: Took
    """For all that it can say, from those that were timed."""


def measure(options: Options) -> Section:
    """Time the index, then each peer; compare every answer."""
    section = Section("a", f"(a) {options.segments} segments over {options.events:,} events")
    world = options.world()
    segments = options.drawn()
    with world.opened() as (_, data):
        _measure(options, section, world, segments, data)
    shares = MIXES[options.mix].shares
    kinds = ", ".join(f"{kind} {share} %" for kind, share in shares.items())
    section.notes.append(f"Mix `{options.mix}`, seed {options.seed}: {kinds}.")
    return section


def _measure(
    options: Options, section: Section, world: World, segments: list[Drawn], data: Dataset
) -> None:
    plan = planned(segments, data, world.log.end)
    with told(f"index of {world.log.events:,} events, if there is none yet"):
        subject.index(options.subject, plan, data)
    with told(f"{options.subject}, {len(segments)} segments"):
        found, first, ours = subject.evaluated(options.subject, plan, data, threads=options.threads)
    with told("matched rows"):
        rows = matched(plan, data, max(found.universe, default=0) + 1)
    every_one = (len(segments), len(segments))
    compared = [_row("numpy.bincount over the matched rows", *every_one, rows.each, ours)]
    for make in _peers(options, world, data, plan, list(found.universe)):
        peer, loading = timed(make)
        with told(f"{peer.name} (made ready in {loading.wall:.1f} s)"):
            asked = _ask(peer, segments, options, section, found.members)
        peer.close()
        same = ours
        if len(asked.can) < len(segments):
            part = planned(asked.can, data, world.log.end)
            _, _, same = subject.evaluated(options.subject, part, data, threads=options.threads)
        compared.append(_row(peer.name, len(asked.can), asked.timed, asked.took, same))
        if peer.name in BUDGETS:
            ratio, limit = asked.took.over(same)[0], BUDGETS[peer.name]
            section.budgets.append(
                Budget(f"faster than {peer.name}", ratio, limit, "×", at_least=True)
            )
    if "shared" in options.peers:
        with told("DuckDB, one shared plan"):
            shared, _, took = subject.evaluated("duckdb", plan, data, rounds=1)
        _compare(section, "DuckDB, one shared plan", segments, found.members, shared.members.get)
        compared.append(_row("DuckDB, one shared plan", *every_one, took, ours))
    section.table("", _COLUMNS, compared)
    section.budgets.append(
        Budget(
            "time of one bincount pass over the matched rows", ours.wall / rows.each.wall, 1.0, "×"
        )
    )
    section.notes += [
        " ".join(
            (
                f"Index: {ours.wall:.3f} s on the clock, {ours.cpu:.3f} s of processor",
                f"({first.wall:.3f} s the first time), {len(plan.leaves)} distinct leaves.",
                f"Matched rows: {rows.rows:,}, for every distinct leaf the events that satisfy its",
                "names, window and `where`, summed. One `numpy.bincount` for each leaf over their",
                f"person numbers: {rows.each.wall:.3f} s, of which {rows.zeros:.3f} s make zeros.",
            )
        ),
        "Seconds of a peer are those of the segments timed, scaled to all it can say.",
    ]
    sizes = sorted(len(people) for people in found.members.values())
    section.notes.append(
        f"Sizes of the segments: median {number(sizes[len(sizes) // 2])}, largest "
        f"{number(sizes[-1])}, empty {sum(not s for s in sizes)}; {len(found.universe):,} people."
    )


def _ask(
    peer: Peer,
    segments: Sequence[Drawn],
    options: Options,
    section: Section,
    right: Mapping[str, BitMap],
) -> Asked:
    can = []
    for drawn in segments:
        try:
            peer.prepare(drawn)
        except Inexpressible:
            continue
        can.append(drawn)
    chosen = can if options.full else every(can, options.every)
    total, answers = Took(), {}
    for drawn in chosen:
        query = peer.prepare(drawn)
        answer, took = timed(partial(peer.run, query))
        total += took
        answers[drawn.id] = peer.people(answer)
    _compare(section, peer.name, chosen, right, answers.get)
    return Asked(can, len(chosen), total * (len(can) / len(chosen)))


def _compare(
    section: Section,
    name: str,
    segments: Sequence[Drawn],
    right: Mapping[str, BitMap],
    answers: Callable[[str], BitMap | None],
) -> None:
    """Note every segment whose people differ from the index's."""
    for drawn in segments:
        theirs = answers(drawn.id)
        if theirs != right[drawn.id]:
            section.wrong.append(
                f"{name}, {drawn.id}: {len(theirs or ())} people, the index "
                f"{len(right[drawn.id])}; {drawn.where}"
            )


def _row(name: str, can: int, asked: int, took: Took, ours: Took) -> list[object]:
    return [name, can, asked, took.wall, ours.wall, *took.over(ours)]


def _peers(
    options: Options, world: World, data: Dataset, plan: Plan, persons: list[int]
) -> list[Callable[[], Peer]]:
    """What makes each peer ready."""
    end, threads = world.log.end, options.threads
    makers: dict[str, Callable[[], Peer]] = {
        "plain": lambda: PlainSql(data, end, threads=threads),
        "own": lambda: OwnSql(data, end, program(plan, DUCKDB)),
        "posthog": lambda: PostHog(data, end, world.folder / "chdb", threads=threads),
        "polars": lambda: Frames(data, end, persons),
    }
    return [make for name, make in makers.items() if name in options.peers]
