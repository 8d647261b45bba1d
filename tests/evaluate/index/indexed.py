"""A world in several data files, and the engine on the index asked about it.

The files lie as the store's do, ``day=.../part-n.parquet``, but an event may be put into any of
them, and in any order: the index must not lean on how a store happens to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from conformance.engines import answered, expected, planned, scene_of
from fewer.evaluate.engines import embedded
from fewer.evaluate.engines.base import Dataset, EngineSettings, Evaluation
from fewer.evaluate.engines.embedded import EmbeddedEngine
from fewer.evaluate.index.cache import part_name
from fewer.model.catalog import Catalog
from fewer.model.segment import Segment
from oracle.drawn import at, draw, moment, stamp
from oracle.segments import Answer
from oracle.world import Event, World
from strategies.definition import Asked
from strategies.scene import Scene
from worlds import load

Place = Callable[[Event], str]
"""Which data file an event lies in."""

TINY = draw(
    ann=[
        at("-40d", "view", path="/", value=1.5, ok=True, seen=stamp("-50d")),
        at("-9d", "view", path="/pricing", value=-2, ok=False, seen=stamp("-20d"), item_id="a"),
        at("-2d", "view", path="/pricing", value=7, item_id="b"),
        at("-1d", "buy", value=100.25, ok=True, item_id="b"),
    ],
    bob=[
        at("-8d", "view", path="/", value=3),
        at("-8d", "buy", value=9_000_000_000_000, item_id="a"),
        at("-3d +5us", "view", path="/pricing/eu", ok=False, item_id="a"),
    ],
    cat=[
        at("-2d", "cart", item_id="a", seen=stamp("+3d")),
        at("-2d +1us", "buy", item_id="a", value=0.000001),
        at("+1d", "view", path="/later"),
    ],
    dan=[],
    items={"a": {"category": "x > y", "price": 10}, "b": {"category": "z", "price": -0.5}},
    traits={"dan": {"plan": "pro"}, "ann": {"plan": "free"}},
)
"""Every type of value, several names, several days."""

EVERY: tuple[Mapping[str, Any], ...] = (
    {"did": "view", "where": {"path": {"starts_with": "/pricing"}}, "count": {"at_least": 1}},
    {"did": "*", "where": {"ok": True}},
    {"did": "*", "where": {"seen": {"before": "2026-03-25"}}},
    {"did": "*", "where": {"value": {"at_most": 3}}, "within": "10d"},
    {"did": "*", "sum": {"of": "value", "more_than": 50}},
    {"did": "view", "mean": {"of": "value", "at_least": 2}},
    {"did": "*", "max": {"of": "value", "at_least": 100}},
    {"did": "*", "distinct": {"of": "item_id", "at_least": 2}},
    {"did": "view", "days": {"at_least": 2}},
    {"did": "*", "where": {"item.category": {"under": "x"}}},
    {"did": "*", "burst": {"count": 2, "in": "24h"}},
    {"last": {"did": "*"}, "within": "7d", "having": {"value": {"at_least": 50}}},
    {"sequence": [{"did": "view"}, {"did": "buy", "within_next": "2d"}], "same": ["item_id"]},
    {"did_not": "buy"},
    {"trait": "plan", "equals": "pro"},
)
"""Conditions that read every column of `TINY`."""


def by_day(event: Event) -> str:
    """A data file for each UTC day."""
    return f"day={event.ts // 86_400_000_000}/part-0.parquet"


@dataclass
class Indexed:
    """A world in data files below a folder, with its index beside them."""

    world: World
    folder: Path
    catalog: Catalog
    relations: dict[str, exp.Query]
    files: tuple[str, ...]
    settings: EngineSettings = field(default_factory=EngineSettings)

    @property
    def cache(self) -> Path:
        """Folder of the index."""
        return self.folder / "index"

    @property
    def parts(self) -> list[Path]:
        """Files of the index, in the order of the data files."""
        return [self.cache / part_name(Path(file)) for file in self.files]

    def dataset(self, **changes: Any) -> Dataset:
        """The data as the engine gets it."""
        made = Dataset(self.relations, self.catalog, self.files, cache=self.cache)
        return replace(made, **changes)

    @contextmanager
    def engine(self, **changes: Any) -> Iterator[EmbeddedEngine]:
        """An engine over the data."""
        engine = EmbeddedEngine.open(self.dataset(**changes), self.settings)
        yield engine
        engine.close()

    def only(self, *files: str) -> Indexed:
        """The same world less the events of other files; the index is the same folder."""
        held = {i for f in files for i in pq.read_table(f)["event_id"].to_pylist()}
        world = replace(
            self.world, events=tuple(e for e in self.world.events if e.event_id in held)
        )
        relations = self.relations | {"events": reading(files)}
        return replace(self, world=world, files=tuple(files), relations=relations)

    def evaluate(self, *conditions: Mapping[str, Any], **when: Any) -> Evaluation:
        """What an engine opened for this says of the conditions."""
        scene, asked = self.asked(*conditions, **when)
        with self.engine() as engine:
            return engine.evaluate(planned(scene, asked, self.catalog))

    def asked(self, *conditions: Mapping[str, Any], **when: Any) -> tuple[Scene, Asked]:
        """The conditions as segments, and when they are asked."""
        segments = [
            Segment.model_validate({"id": f"c{n}", "where": where})
            for n, where in enumerate(conditions or EVERY)
        ]
        return scene_of(self.world, **when), Asked(tuple(segments))

    def right(self, *conditions: Mapping[str, Any], **when: Any) -> Answer:
        """What the oracle says of the conditions."""
        return expected(*self.asked(*conditions, **when))

    def agrees(self, *conditions: Mapping[str, Any], **when: Any) -> Evaluation:
        """Fail unless the engine and the oracle say the same; conditions default to `EVERY`."""
        found = self.evaluate(*conditions, **when)
        assert answered(found) == self.right(*conditions, **when)
        return found


def indexed(world: World, folder: Path, place: Place = by_day, **layout: Any) -> Indexed:
    """Write a world's data files; `layout` are options of the Parquet writer."""
    (folder / "tables").mkdir(parents=True)
    loaded = load(world, folder / "tables")
    events = pq.read_table(folder / "tables" / "events.parquet")
    by_id = {event.event_id: place(event) for event in world.events}
    names = [by_id[id_] for id_ in events["event_id"].to_pylist()]
    files = []
    for name in sorted(set(names)):
        path = folder / "events" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(events.filter(pa.array([n == name for n in names])), path, **layout)
        files.append(str(path))
    relations = dict(loaded.relations)
    if files:
        relations["events"] = reading(files)
    return Indexed(world, folder, loaded.catalog, relations, tuple(files))


def reading(files: Sequence[str]) -> exp.Query:
    """The relation of events over some data files."""
    listed = exp.Array(expressions=[exp.Literal.string(file) for file in files])
    text = "SELECT * FROM read_parquet(NULL, union_by_name = true, hive_partitioning = false)"
    query = sqlglot.parse_one(text, dialect="duckdb")
    next(query.find_all(exp.Null)).replace(listed)
    assert isinstance(query, exp.Query)
    return query


def afresh() -> None:
    """Forget what this process has mapped, as a new process would."""
    embedded._OPEN.clear()


def rewritten(path: str | Path, change: Callable[[pa.Table], pa.Table], **layout: Any) -> None:
    """Write a data file anew, changed, as a new file of the same name."""
    path = Path(path)
    table = change(pq.read_table(path, partitioning=None))
    aside = path.with_name("aside.parquet")
    pq.write_table(table, aside, **layout)
    aside.replace(path)


__all__ = ["EVERY", "TINY", "Indexed", "afresh", "at", "by_day", "draw", "indexed", "moment"]
