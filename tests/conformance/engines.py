"""Engines under test, each behind the same question: who is in these segments of this scene?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conformance.smallest import report
from fewer.evaluate.engines.base import Evaluation
from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.plan.plan import Plan, plan
from fewer.model.catalog import Catalog
from fewer.model.segment import Segment
from fewer.model.window import Duration
from oracle.clock import length
from oracle.drawn import AS_OF
from oracle.segments import Answer, answer
from oracle.world import World
from strategies.definition import Asked
from strategies.scene import Scene
from worlds import load

Ask = Callable[[Asked], Answer]


@contextmanager
def opened(scene: Scene) -> Iterator[tuple[DuckDBEngine, Catalog]]:
    """The engine inside, over a scene's world in Parquet files."""
    with TemporaryDirectory(prefix="fewer-world-") as folder:
        loaded = load(scene.world, Path(folder))
        engine = DuckDBEngine(loaded.relations, loaded.catalog)
        yield engine, loaded.catalog
        engine.close()


def planned(scene: Scene, asked: Asked, catalog: Catalog) -> Plan:
    """The segments, made ready to be asked of the scene."""
    return plan(
        asked.segments,
        as_of_us=scene.as_of_us,
        timezone=scene.timezone,
        session_gap=scene.session_gap,
        catalog=catalog,
        default_exclude=asked.default_exclude,
    )


@contextmanager
def duckdb(scene: Scene) -> Iterator[Ask]:
    """The engine inside."""
    with opened(scene) as (engine, catalog):
        yield lambda asked: answered(engine.evaluate(planned(scene, asked, catalog)))


def answered(found: Evaluation) -> Answer:
    """What an engine found, as the oracle says it."""
    return Answer(
        universe=frozenset(found.universe),
        matched={id_: frozenset(people) for id_, people in found.matched.items()},
        members={id_: frozenset(people) for id_, people in found.members.items()},
    )


@contextmanager
def oracle(scene: Scene) -> Iterator[Ask]:
    """The oracle, as if it were an engine."""
    yield lambda asked: answer(
        asked.segments,
        scene.world,
        as_of_us=scene.as_of_us,
        timezone=scene.timezone,
        session_gap_us=length(scene.session_gap),
        default_exclude=asked.default_exclude,
    )


def _elsewhere(name: str) -> Callable[[Scene], Any]:
    """The engine of module ``conformance.on_NAME``, imported when it is first asked."""

    def opened(scene: Scene) -> Any:
        return import_module(f"conformance.on_{name}").answering(scene)

    return opened


ENGINES: Mapping[str, Callable[[Scene], Any]] = {
    "duckdb": duckdb,
    "embedded": _elsewhere("embedded"),
    "clickhouse": _elsewhere("clickhouse"),
    "postgres": _elsewhere("postgres"),
    "spark": _elsewhere("spark"),
}
"""Engines that answer the suite; a module ``on_NAME`` has ``answering(scene)``, a context manager
that gives an `Ask`."""

MARKED = ("clickhouse", "postgres", "spark")
"""Engines whose tests carry the marker of the same name: they need more than this process."""


def expected(scene: Scene, asked: Asked) -> Answer:
    """What the specification says."""
    with oracle(scene) as ask:
        return ask(asked)


def scene_of(
    world: World, *, as_of: int = AS_OF, timezone: str = "UTC", session_gap: str = "30m"
) -> Scene:
    """A world written by hand, and when to ask about it."""
    return Scene(world, as_of, timezone, Duration.parse(session_gap), ())


class Engine:
    """One engine, asked about many scenes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def answer(self, scene: Scene, asked: Asked) -> Answer:
        """Who is in each segment, according to the engine."""
        with ENGINES[self.name](scene) as ask:
            found: Answer = ask(asked)
        return found

    def ask(self, world: World, *conditions: Mapping[str, Any], **when: Any) -> list[set[str]]:
        """For each written condition the names of the persons for whom it is true.

        All in one plan; and the oracle must say the same.
        """
        segments = tuple(
            Segment.model_validate({"id": f"c{n}", "where": condition})
            for n, condition in enumerate(conditions)
        )
        scene, asked = scene_of(world, **when), Asked(segments)
        found, right = self.answer(scene, asked), expected(scene, asked)
        assert found == right, report((scene, asked), "differs", found, right)
        return [{world.persons[p] for p in found.members[s.id]} for s in segments]
