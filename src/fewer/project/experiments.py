"""Experiments of a project: what was registered, who was assigned, and what came from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from fewer.data.store import experiments as stored
from fewer.errors import NotFoundError
from fewer.journey.measure.assign_contrasts import contrasts, whole
from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.units.regions import Regions
from fewer.journey.measure.units.slots import Schedule
from fewer.model.experiment import Experiment
from fewer.model.metric import Metric
from fewer.model.window import from_utc_micros

if TYPE_CHECKING:
    from pathlib import Path

    from fewer.data.store.experiments import Record
    from fewer.destinations.file import Export
    from fewer.project.assigning import Made
    from fewer.project.designing import Design
    from fewer.project.designing_units import UnitDesign
    from fewer.project.project import Project


PEOPLE = "people"
"""Part of an assignment by time: everyone it is read of, in no arm of their own."""


@dataclass(frozen=True)
class Registered:
    """What was written down before anything was sent, and can't be changed."""

    record: Record
    earlier: tuple[Record, ...] = ()  # records of the same experiment that this one replaces

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment as it was registered, whatever the file says by now."""
        return Experiment.model_validate(self.record.body["experiment"])

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Its metrics as they were registered, the deciding one first, then the guardrails."""
        return tuple(Metric.model_validate(one) for one in self.record.body["metrics"])

    @property
    def id(self) -> str:
        """Id of the experiment."""
        return self.record.experiment

    @property
    def hash(self) -> str:
        """Hash of the record: covers it and everything registered before."""
        return self.record.hash

    @property
    def segment_ids(self) -> tuple[str, ...]:
        """Its segments, the first of the priority list first."""
        return tuple(segment["id"] for segment in self.record.body["segments"])

    @property
    def ends_us(self) -> int:
        """When it may be read, in UTC microseconds."""
        return int(self.record.body["ends_us"])

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "experiment": self.id,
            "registered": from_utc_micros(self.record.created_us).isoformat(),
            "hash": self.hash,
            "record": self.record.seq,
            "replaces": self.record.body.get("replaces"),
            "earlier": [r.hash for r in self.earlier],
            **{k: v for k, v in self.record.body.items() if k not in ("people", "replaces")},
        }


@dataclass(frozen=True)
class Batch:
    """People assigned at one moment.

    Attributes:
        at_us: From when their outcomes count, in UTC microseconds.
        parts: ``arm:ID``, ``segment:ID`` (whom each segment keeps), ``band:14d``.
    """

    at_us: int
    parts: Mapping[str, BitMap]
    record: Record

    def named(self, prefix: str) -> dict[str, BitMap]:
        """Parts of a kind, without the prefix: ``named("arm")``."""
        start = f"{prefix}:"
        return {k.removeprefix(start): v for k, v in self.parts.items() if k.startswith(start)}


@dataclass(frozen=True)
class Assigned:
    """An experiment with its people.

    Everyone assigned counts, reached or not, from the moment of their own batch on.
    """

    registered: Registered
    batches: tuple[Batch, ...]
    crossed: Mapping[str, BitMap] = field(default_factory=dict)
    """People whom two ids of different arms turned out to be, by the arm of the id that stands
    for them: they are taken out of both, as nobody knows which arm they saw."""

    @property
    def experiment(self) -> Experiment:
        """As it was registered."""
        return self.registered.experiment

    @cached_property
    def parts(self) -> dict[str, BitMap]:
        """Parts of all batches together."""
        together: dict[str, BitMap] = {}
        for batch in self.batches:
            for part, people in batch.parts.items():
                together[part] = together.get(part, BitMap()) | people
        return together

    @cached_property
    def assignment(self) -> Assignment:
        """All arms, with the shares planned and the label their figures carry."""
        return whole(self.experiment, self.parts)

    @cached_property
    def everyone(self) -> BitMap:
        """Everyone with an arm."""
        return BitMap().union(*self.assignment.arms.values())

    @property
    def ever(self) -> BitMap:
        """Everyone who was ever put into an arm, also those taken out since."""
        return self.everyone.union(*self.crossed.values()) if self.crossed else self.everyone

    @cached_property
    def contrasts(self) -> tuple[Assignment, ...]:
        """The comparisons to read: the assignment, or one for each band of a window test."""
        return contrasts(self.experiment, self.parts)

    @cached_property
    def segments(self) -> dict[str, BitMap]:
        """Segment -> people who count in it: each person in one, the first of the priority list."""
        return self.named("segment")

    def named(self, prefix: str) -> dict[str, BitMap]:
        """Parts of a kind over all batches, without the prefix: ``named("region")``."""
        start = f"{prefix}:"
        return {k.removeprefix(start): v for k, v in self.parts.items() if k.startswith(start)}

    @property
    def at_us(self) -> int:
        """Moment of the first batch."""
        return self.batches[0].at_us

    @cached_property
    def regions(self) -> Regions | None:
        """Pairs of regions, of a test by region."""
        told = self.batches[0].record.body.get("regions")
        return Regions.from_json(told) if told else None

    @cached_property
    def schedule(self) -> Schedule | None:
        """Time slots, of a test by time."""
        told = self.batches[0].record.body.get("schedule")
        return Schedule.from_json(told) if told else None


@dataclass(frozen=True)
class Experiments:
    """``project.experiments``."""

    project: Project = field(repr=False)

    def __iter__(self) -> Iterator[Registered]:
        return iter(self.registered())

    def records(self, experiment: str | None = None) -> list[Record]:
        """Every record in the order written, its chain checked."""
        return stored.records(self.project.store, experiment)

    def registered(self) -> list[Registered]:
        """The newest registration of each experiment, in the order first registered."""
        plans: dict[str, list[Record]] = {}
        for record in self.records():
            if record.kind == "plan":
                plans.setdefault(record.experiment, []).append(record)
        return [Registered(each[-1], tuple(each[:-1])) for each in plans.values()]

    def get(self, experiment: str) -> Registered:
        """The newest registration of an experiment; raises `NotFoundError`."""
        found = {one.id: one for one in self.registered()}
        if experiment not in found:
            hint = "Run `fewer experiment register` first." if not found else ""
            raise NotFoundError("registered experiment", experiment, found, hint=hint)
        return found[experiment]

    def assigned(self, experiment: str) -> Assigned:
        """An experiment with its people; raises `NotFoundError` when none were assigned yet."""
        registered = self.get(experiment)
        batches = self._batches(self.records(experiment))
        if not batches:
            hint = f"Run `fewer experiment assign {experiment}` first."
            raise NotFoundError("assignment of experiment", experiment, hint=hint)
        return Assigned(registered, *self._one_arm_each(batches))

    def _one_arm_each(
        self, batches: tuple[Batch, ...]
    ) -> tuple[tuple[Batch, ...], dict[str, BitMap]]:
        """Batches by the persons known now: ids that were merged since are one person."""
        merges: Mapping[int, int] = getattr(self.project.generation, "merges", {})  # none in place
        return one_arm_each(batches, merges) if merges else (batches, {})

    def assignments(self, experiment: str) -> Assignment:
        """The arms of an experiment: people, shares, control and evidence label."""
        return self.assigned(experiment).assignment

    def with_people(self) -> list[Assigned]:
        """Every experiment that has people assigned."""
        assigned = {r.experiment for r in self.records() if r.kind == "assigned"}
        return [self.assigned(one.id) for one in self.registered() if one.id in assigned]

    def lift_results(self, experiment: str | None = None) -> list[dict[str, Any]]:
        """Results measured elsewhere, as imported; see docs/experiments.md."""
        found = [r for r in self.records(experiment) if r.kind == "lift"]
        return [dict(row, experiment=r.experiment) for r in found for row in r.body["rows"]]

    def sizes(self, experiment: str) -> dict[str, int]:
        """People in each arm; nothing before anybody is assigned."""
        batches = self._batches(self.records(experiment))
        if not batches:
            return {}
        found = self.assigned(experiment)
        if found.schedule is not None:  # in no arm: all of them are sent something, or nobody is
            return {PEOPLE: len(found.parts.get(PEOPLE, ()))}
        return {arm: len(people) for arm, people in found.assignment.arms.items()}

    def listed(self) -> list[dict[str, Any]]:
        """Every experiment written or registered, with its state, as plain data."""
        registered = {one.id: one for one in self.registered()}
        written = {one.id: one for one in self.project.definitions.experiments}
        found = []
        for name in dict.fromkeys((*registered, *written)):
            record = registered.get(name)
            one = record.experiment if record else written[name]
            people = sum(self.sizes(name).values()) if record else 0
            state = "assigned" if people else "registered" if record else "written"
            found.append(
                {
                    "id": name,
                    "title": one.title,
                    "tests": one.tests,
                    "state": state,
                    "people": people,
                    "ends": one.ends.text,
                    "hash": record.hash if record else None,
                    "in_files": name in written,
                }
            )
        return found

    # ------------------------------------------------------------------------------ doing things

    def register(self, experiment: str, *, change: str = "") -> tuple[Registered, bool]:
        """Write an experiment down for good; see `registering.register`."""
        from fewer.project.registering import register

        return register(self.project, experiment, change=change)

    def assign(
        self, experiment: str, *, build_id: str | None = None, add_new: bool = False
    ) -> Made:
        """Put the people of a snapshot into arms, once; see `assigning.assign`."""
        from fewer.project.assigning import assign

        return assign(self.project, experiment, build_id=build_id, add_new=add_new)

    def export(self, experiment: str, arm: str, path: Path, **how: Any) -> Export:
        """Write the audience of one arm, hashed, consent checked; see `cells.export_cell`."""
        from fewer.project.cells import export_cell

        how = {"keys": None, "platform": "plain", "allow_small": False, **how}
        how["keys"] = how["keys"] or self.project.best_keys
        return export_cell(self.project, experiment, arm, path, **how)

    def design(self, experiment: str | Experiment, **options: Any) -> Design:
        """What an experiment can show; see `designing.design`, and `design_units` for regions."""
        from fewer.project.designing import design

        return design(self.project, self._written(experiment), **options)

    def design_units(self, experiment: str | Experiment, **options: Any) -> UnitDesign:
        """What a test by region or by time can show; see `designing_units.design_units`."""
        from fewer.project.designing_units import design_units

        return design_units(self.project, self._written(experiment), **options)

    def _written(self, experiment: str | Experiment) -> Experiment:
        if isinstance(experiment, str):
            return self.project.definitions.experiment(experiment)
        return experiment

    def _batches(self, records: Sequence[Record]) -> tuple[Batch, ...]:
        """Batches of every assignment; a record keeps the parts of its n-th moment as ``n/...``."""
        found = []
        for record in records:
            if record.kind != "assigned":
                continue
            kept = stored.people(self.project.store, record)
            for at, moment in enumerate(record.body["moments"]):
                start = f"{at}/"
                parts = {k.removeprefix(start): v for k, v in kept.items() if k.startswith(start)}
                found.append(Batch(int(moment), parts, record))
        return tuple(found)


def one_arm_each(
    batches: Sequence[Batch], roots: Mapping[int, int]
) -> tuple[tuple[Batch, ...], dict[str, BitMap]]:
    """The same batches with merged persons as one; those who are in two arms so, in none.

    They come second, by the arm of the id that stands for them.
    """
    merged = BitMap(roots)

    def one(people: BitMap) -> BitMap:
        moved = people & merged
        return (people - moved) | BitMap([roots[n] for n in moved]) if moved else people

    known = [{part: one(people) for part, people in b.parts.items()} for b in batches]
    arms: dict[str, BitMap] = {}
    for parts in known:
        for part, people in parts.items():
            if part.startswith("arm:"):
                arms[part] = arms.get(part, BitMap()) | people
    seen, crossed = BitMap(), BitMap()
    for people in arms.values():
        crossed |= seen & people
        seen |= people
    left = tuple(
        replace(b, parts={part: people - crossed for part, people in parts.items()})
        for b, parts in zip(batches, known, strict=True)
    )
    by_arm, rest = {}, crossed
    for name in arms:  # the id that stands for them, as it was assigned; else the first arm
        own = BitMap().union(*(b.parts.get(name, BitMap()) for b in batches))
        by_arm[name.removeprefix("arm:")] = rest & own
        rest = rest - own
    return left, {arm: people for arm, people in by_arm.items() if people}
