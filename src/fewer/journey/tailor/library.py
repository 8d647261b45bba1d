"""The message matrix as written: files of creatives, read and checked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from fewer.errors import DefinitionError, NotFoundError, Problem, did_you_mean
from fewer.journey.tailor.check import Checker, Compiled
from fewer.journey.tailor.formats import FORMATS
from fewer.language.files import Files
from fewer.language.node import Node, Path, Place
from fewer.language.yaml import in_order, load, validate
from fewer.model.creative import Creative
from fewer.model.segment import Segment, expand

_LIST: Final = TypeAdapter(list[Creative])


@dataclass(frozen=True, slots=True)
class Library:
    """All creatives of a project, in the order of their files."""

    creatives: tuple[Compiled, ...] = ()

    def get(self, creative_id: str) -> Compiled:
        """The creative of that id; raises `NotFoundError`."""
        for compiled in self.creatives:
            if compiled.creative.id == creative_id:
                return compiled
        known = [compiled.creative.id for compiled in self.creatives]
        raise NotFoundError("creative", creative_id, known)

    def of(self, segment: Segment) -> dict[str, tuple[Compiled, ...]]:
        """Creatives for a segment by format, in the order in which they are tried.

        Those that name it come first, then, for a lookback variant, those that name the segment
        it is a variant of, then those for its type; each in the order of the files.
        """
        base = segment.id.partition("@")[0]
        ranked: list[tuple[int, Compiled]] = []
        for compiled in self.creatives:
            named = compiled.creative.segment or ()
            if segment.id in named:
                ranked.append((0, compiled))
            elif base in named:
                ranked.append((1, compiled))
            elif compiled.creative.type == segment.type:
                ranked.append((2, compiled))
        found: dict[str, list[Compiled]] = {}
        for _, compiled in sorted(ranked, key=lambda pair: pair[0]):
            found.setdefault(compiled.creative.format, []).append(compiled)
        return {name: tuple(group) for name, group in found.items()}


def load_creatives(files: Files, segments: Sequence[Segment]) -> Library:
    """Read files of creatives, in YAML or JSON: a list, or ``creatives:`` and a list below it.

    Args:
        files: Name as errors show it -> text.
        segments: The segments that creatives may be for.

    Raises:
        DefinitionError: With every problem of every file.
    """
    reader = _Reader({segment.id for segment in expand(segments)})
    for name, text in files.items():
        reader.add(name, text)
    if reader.problems:
        raise DefinitionError(in_order(reader.problems))
    return Library(tuple(reader.found))


@dataclass
class _Reader:
    segments: set[str]
    found: list[Compiled] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)  # id -> first use

    def add(self, file: str, text: str | bytes) -> None:
        """Read one file; its problems are kept."""
        try:
            node = load(text, file=file)
            if node.value is None:
                return
            top = _top(node)
            creatives = validate(node, _LIST, at=top)
        except DefinitionError as error:
            self.problems += error.problems
            return
        for number, creative in enumerate(creatives):
            self._add(creative, node, (*top, number))

    def _add(self, creative: Creative, node: Node, path: Path) -> None:
        before = len(self.problems)
        place = node.place((*path, "id"))
        first = self.places.setdefault(creative.id, place)
        if first is not place:
            message = f"The id {creative.id!r} is used twice, first at {first}."
            self.problems.append(place.problem("duplicate_id", message, "Rename one of them."))
        self._check_segments(creative, node, path)
        shown = FORMATS.get(creative.format)
        if shown is None:
            message = f"No format {creative.format!r}.{did_you_mean(creative.format, FORMATS)}"
            hint = f"Formats are: {', '.join(FORMATS)}."
            where = node.place((*path, "format"))
            self.problems.append(where.problem("unknown_format", message, hint))
            return
        checker = Checker(creative, shown, node, path)
        compiled = checker.compiled(place)
        self.problems += checker.problems
        if len(self.problems) == before:
            self.found.append(compiled)

    def _check_segments(self, creative: Creative, node: Node, path: Path) -> None:
        for number, name in enumerate(creative.segment or ()):
            if name not in self.segments:
                several = isinstance(node.at((*path, "segment")), list)
                where = node.place((*path, "segment", *((number,) if several else ())))
                message = f"No segment {name!r}.{did_you_mean(name, self.segments)}"
                hint = "Name a segment of this project, or use 'type'."
                self.problems.append(where.problem("unknown_segment", message, hint))


def _top(node: Node) -> Path:
    if isinstance(node.value, list):
        return ()
    if isinstance(node.value, dict) and set(node.value) == {"creatives"}:
        return ("creatives",)
    message = "Expected a list of creatives, or a mapping with the one key 'creatives'."
    hint = "Write '- id: ...' for each of the creatives."
    raise DefinitionError([*node.problems, node.place().problem("not_a_list", message, hint)])
