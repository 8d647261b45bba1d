"""Files of definitions: segments, goals, metrics, experiments, with the place of everything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter

from fewer.errors import DefinitionError, NotFoundError, Problem
from fewer.language.node import Node, Path, Place
from fewer.language.references import problems as unknown_names
from fewer.language.yaml import in_order, load, validate
from fewer.model.experiment import Experiment
from fewer.model.goal import Goal
from fewer.model.metric import Metric
from fewer.model.segment import Segment

M = TypeVar("M", bound=Segment | Goal | Metric | Experiment)

VARIANT: Final = r"[a-z][a-z0-9_]*@[1-9][0-9]*[mhdw]"

Files = Mapping[str, str | bytes]
"""Name of a file, as errors show it -> its text."""


@dataclass(frozen=True)
class Origin:
    """Where a definition was written."""

    node: Node
    path: Path


@dataclass(frozen=True)
class Definitions:
    """Definitions of every kind in the order of their files, and where each was written.

    Definitions made in Python have no files: their places are empty.
    """

    segments: tuple[Segment, ...] = ()
    goals: tuple[Goal, ...] = ()
    _origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict, repr=False)
    metrics: tuple[Metric, ...] = ()
    experiments: tuple[Experiment, ...] = ()

    @property
    def segment_ids(self) -> tuple[str, ...]:
        """Ids of all segments, without their variants."""
        return tuple(segment.id for segment in self.segments)

    def segment(self, segment_id: str) -> Segment:
        """The segment of that id; raises `NotFoundError`."""
        return _by_id("segment", self.segments, segment_id)

    def goal(self, goal_id: str) -> Goal:
        """The goal of that id; raises `NotFoundError`."""
        return _by_id("goal", self.goals, goal_id)

    def metric(self, metric_id: str) -> Metric:
        """The metric of that id; raises `NotFoundError`."""
        return _by_id("metric", self.metrics, metric_id)

    def experiment(self, experiment_id: str) -> Experiment:
        """The experiment of that id; raises `NotFoundError`."""
        return _by_id("experiment", self.experiments, experiment_id)

    def place(self, segment_id: str, path: Sequence[str | int] = (), *, key: bool = False) -> Place:
        """Where a part of a segment was written, such as ``("where", "all", 0, "within")``.

        Parts that were not written are passed over; with `key`, the place of the last key
        instead of its value.
        """
        return self._place("segment", segment_id, path, key=key)

    def goal_place(
        self, goal_id: str, path: Sequence[str | int] = (), *, key: bool = False
    ) -> Place:
        """Where a part of a goal was written."""
        return self._place("goal", goal_id, path, key=key)

    def metric_place(self, metric_id: str, path: Sequence[str | int] = ()) -> Place:
        """Where a part of a metric was written."""
        return self._place("metric", metric_id, path, key=False)

    def experiment_place(self, experiment_id: str, path: Sequence[str | int] = ()) -> Place:
        """Where a part of an experiment was written."""
        return self._place("experiment", experiment_id, path, key=False)

    def _place(self, kind: str, name: str, path: Sequence[str | int], *, key: bool) -> Place:
        origin = self._origins.get((kind, name.partition("@")[0]))
        if origin is None:
            return Place()
        whole = (*origin.path, *path)
        return origin.node.key_place(whole) if key else origin.node.place(whole)


def _by_id(kind: str, found: Sequence[M], name: str) -> M:
    for definition in found:
        if definition.id == name:
            return definition
    raise NotFoundError(kind, name, [definition.id for definition in found])


def load_definitions(
    segments: Files,
    goals: Files | None = None,
    metrics: Files | None = None,
    experiments: Files | None = None,
) -> Definitions:
    """Read files of segments, goals, metrics and experiments, in YAML or JSON.

    Each is a list, or a mapping with the one key ``segments`` (``goals``, ...) and a list below
    it. Metrics and experiments may name only what the others define.

    Raises:
        DefinitionError: With every problem of every file, in the order of files and lines; an
            id that is used twice names both places.
    """
    of_segments: _Reader[Segment] = _Reader("segment", TypeAdapter(list[Segment]))
    of_goals: _Reader[Goal] = _Reader("goal", TypeAdapter(list[Goal]))
    of_metrics: _Reader[Metric] = _Reader("metric", TypeAdapter(list[Metric]))
    of_experiments: _Reader[Experiment] = _Reader("experiment", TypeAdapter(list[Experiment]))
    problems: list[Problem] = []
    origins: dict[tuple[str, str], Origin] = {}
    readers: tuple[tuple[_Reader[Any], Files | None], ...] = (
        (of_segments, segments),
        (of_goals, goals),
        (of_metrics, metrics),
        (of_experiments, experiments),
    )
    for reader, files in readers:
        for file, text in (files or {}).items():
            reader.add(file, text)
        problems += reader.problems
        origins |= reader.origins
    if problems:
        raise DefinitionError(in_order(problems))
    found = Definitions(
        tuple(of_segments.found),
        tuple(of_goals.found),
        origins,
        tuple(of_metrics.found),
        tuple(of_experiments.found),
    )
    if problems := unknown_names(found):
        raise DefinitionError(in_order(problems))
    return found


def load_segments(files: Files | str, *, file: str = "<text>") -> Definitions:
    """Read segments from one text, or from several files; see `load_definitions`.

    >>> load_segments("- {id: buyers, where: {did: purchase, within: 30d}}").segment_ids
    ('buyers',)
    """
    return load_definitions({file: files} if isinstance(files, str) else files)


def load_goals(files: Files | str, *, file: str = "<text>") -> Definitions:
    """Read goals from one text, or from several files; see `load_definitions`."""
    return load_definitions({}, {file: files} if isinstance(files, str) else files)


@dataclass
class _Reader(Generic[M]):
    """Collects the definitions of one kind."""

    kind: str
    adapter: TypeAdapter[Any]
    found: list[M] = field(default_factory=list)
    origins: dict[tuple[str, str], Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, file: str, text: str | bytes) -> None:
        """Read one file; its problems are kept."""
        try:
            node = load(text, file=file)
            if node.value is None:
                return  # nothing but comments: nothing is defined
            node, top = self._list(node)
        except DefinitionError as error:
            self.problems += error.problems
            return
        self._ids(node, top)
        try:
            self.found += validate(node, self.adapter, at=top)
        except DefinitionError as error:
            self.problems += error.problems

    def _list(self, node: Node) -> tuple[Node, Path]:
        plural = f"{self.kind}s"
        if isinstance(node.value, list):
            return node, ()
        if isinstance(node.value, dict) and set(node.value) == {plural}:
            return node, (plural,)
        message = f"Expected a list of {plural}, or a mapping with the one key {plural!r}."
        raise DefinitionError(in_order([*node.problems, *self._not_a_list(node, message)]))

    def _not_a_list(self, node: Node, message: str) -> Iterator[Problem]:
        plural = f"{self.kind}s"
        value = node.value
        if isinstance(value, dict) and "id" in value:
            hint = f"Begin each of the {plural} with '- ', also when there is only one."
        elif isinstance(value, dict) and plural in value:
            strangers = [key for key in value if key != plural]
            for key in strangers:
                place = node.key_place((key,))
                yield place.problem(
                    "unknown_key", f"There is no key {key!r} here.", f"Keep only {plural!r}."
                )
            return
        else:
            hint = f"Write '- id: ...' for each of the {plural}."
        yield node.place().problem("not_a_list", message, hint)

    def _ids(self, node: Node, top: Path) -> None:
        items: Any = node.at(top)
        for at, item in enumerate(items if isinstance(items, list) else ()):
            name = item.get("id") if isinstance(item, dict) else None
            if not isinstance(name, str):
                continue
            here = Origin(node, (*top, at))
            if re.fullmatch(VARIANT, name):
                message = f"The id {name!r} is that of a lookback variant."
                hint = "Write variants: {lookback: [...]} in the segment; it makes them."
                problem = node.place((*here.path, "id")).problem("bad_id", message, hint)
                self.problems.append(problem)
            first = self.origins.setdefault((self.kind, name), here)
            if first is not here:
                place = node.place((*here.path, "id"))
                before = first.node.place((*first.path, "id"))
                message = f"The id {name!r} is used twice, first at {before}."
                self.problems.append(place.problem("duplicate_id", message, "Rename one of them."))
