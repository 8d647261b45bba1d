"""A preview: what a condition comes to, before it is a segment of the project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from fewer.journey.define.guard import Proposal, Verdict, verdict
from fewer.journey.exclude.funnel import Funnel
from fewer.language.files import Definitions
from fewer.language.json import fingerprint, to_json
from fewer.language.words import describe, tree
from fewer.model.segment import Segment
from fewer.model.window import DAY, from_utc_micros
from fewer.pictures.display import Displayed

if TYPE_CHECKING:
    from pyroaring import BitMap

    from fewer.evaluate.engines.base import Stop
    from fewer.journey.define.lint import Finding
    from fewer.project.previewing import Previewer

HISTORY: Final = 30
SAMPLE: Final = 5
AD_HOC: Final = "preview"
"""Id of a condition that is no segment."""

Progress = Callable[[int, int], None]
"""Told how many points of a history are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a preview is shown when nothing else is said; 0 or false: nothing of it."""

    history: int = HISTORY
    sample: int = SAMPLE
    overlap: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """Sizes at one moment."""

    as_of_us: int
    matched: int
    size: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        moment = from_utc_micros(self.as_of_us).isoformat()
        return {"as_of": moment, "matched": self.matched, "size": self.size}


@dataclass(frozen=True, slots=True)
class Overlap:
    """People in common with a segment of the project."""

    segment: str
    title: str
    people: int
    both: int
    of_this: float  # share of the previewed people, 0..1
    of_other: float  # share of the segment's people

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "segment": self.segment,
            "title": self.title,
            "people": self.people,
            "both": self.both,
            "of_this": round(self.of_this, 6),
            "of_other": round(self.of_other, 6),
        }


class Preview(Displayed):
    """What a condition comes to. Each answer is computed when it is first asked for, then kept."""

    def __init__(
        self,
        previewer: Previewer,
        segment: Segment,
        definitions: Definitions,
        warnings: Sequence[Finding],
        shown: Shown,
    ) -> None:
        self.segment = segment
        self.shown = shown
        self._previewer = previewer
        self._definitions = definitions
        self._warnings = warnings
        self._points: dict[int, Point] = {}

    @property
    def as_of_us(self) -> int:
        """The moment, in UTC microseconds."""
        return self._previewer.as_of_us

    @property
    def data(self) -> str:
        """Whether the data is ``real`` or ``simulated``."""
        return self._previewer.project.settings.data

    @property
    def words(self) -> str:
        """The rule in plain words, on one line."""
        return describe(self.segment.where)

    @property
    def tree(self) -> str:
        """The rule in plain words, as an indented tree."""
        return tree(self.segment.where)

    @cached_property
    def _answer(self) -> Answer:
        return self._previewer.answer(self.segment, self.as_of_us)

    @property
    def matched(self) -> BitMap:
        """Person numbers for whom the condition holds, before exclusions."""
        return self._answer.matched

    @property
    def matched_size(self) -> int:
        """People whom the condition fits."""
        return len(self._answer.matched)

    @property
    def members(self) -> BitMap:
        """Person numbers after exclusions."""
        return self._answer.funnel.members

    @property
    def size(self) -> int:
        """People after exclusions."""
        return len(self.members)

    @property
    def universe(self) -> int:
        """Number of people in all."""
        return self._answer.universe

    @property
    def funnel(self) -> Funnel:
        """Who is removed by each exclusion."""
        return self._answer.funnel

    @property
    def verdict(self) -> Verdict:
        """Where the size lies against the guard; what only serves to exclude may be any size."""
        if self._previewer.only_excludes(self.segment) and not self.segment.size.enforce:
            return "within"
        return verdict(self.size, self.segment.size)

    def history(
        self,
        points: int | None = None,
        *,
        progress: Progress | None = None,
        should_stop: Stop | None = None,
    ) -> tuple[Point, ...]:
        """Sizes at the moment and a day before each, oldest first; each is exact at its own."""
        count = self.shown.history if points is None else points
        moments = [self.as_of_us - back * DAY for back in range(count)]
        for done, moment in enumerate(moments, 1):
            if moment not in self._points:
                found = (
                    self._answer
                    if moment == self.as_of_us
                    else self._previewer.answer(self.segment, moment, should_stop=should_stop)
                )
                sizes = (len(found.matched), len(found.funnel.members))
                self._points[moment] = Point(moment, *sizes)
            if progress:
                progress(done, count)
        return tuple(self._points[moment] for moment in reversed(moments))

    @cached_property
    def _overlap(self) -> tuple[Overlap, ...]:
        others = self._previewer.everyone_in_segments(without=self.segment.id)
        found = []
        for segment, people in others:
            both = self.members.intersection_cardinality(people)
            shares = (both / self.size if self.size else 0.0, both / len(people) if people else 0.0)
            found.append(Overlap(segment.id, segment.title, len(people), both, *shares))
        return tuple(sorted(found, key=lambda one: (-one.both, one.segment)))

    def overlap(self) -> tuple[Overlap, ...]:
        """People in common with every segment of the project, most first."""
        return self._overlap

    def sample(self, count: int | None = None) -> list[str]:
        """Ids of a few of the people: always the same ones for the same rule, moment and data."""
        from pyroaring import BitMap

        salt = fingerprint(
            {
                "rule": to_json(self.segment.model_copy(update={"id": AD_HOC})),
                "as_of": self.as_of_us,
                "data": self._previewer.project.generation.fingerprint,
            }
        )
        most = self.shown.sample if count is None else count
        return self._previewer.keys(BitMap(_spread(self.members, salt, most)))

    def findings(self, *, look_up: bool = True) -> list[Finding]:
        """What the linter warns of; `look_up` reads texts that are stored, to compare them."""
        if not look_up:
            return list(self._warnings)
        return self._previewer.lint(self._definitions, look_up=True)

    def proposals(self) -> tuple[Proposal, ...]:
        """Edits of one number that would bring the size inside the guard; none when it is."""
        return () if self.verdict == "within" else self._previewer.proposals(self)

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not to be shown is not computed."""
        guard = self.segment.size
        found: dict[str, Any] = {
            "id": self.segment.id,
            "as_of": from_utc_micros(self.as_of_us).isoformat(),
            "words": self.words,
            "matched": self.matched_size,
            "size": self.size,
            "universe": self.universe,
            "guard": {"min": guard.min, "max": guard.max},
            "verdict": self.verdict,
            "funnel": [
                {
                    "segment": s.exclusion,
                    "title": s.why,
                    "removed": s.removed,
                    "remaining": s.remaining,
                }
                for s in self.funnel.steps
            ],
            "proposals": list(map(str, self.proposals())),
            "findings": [
                {"code": f.code, "message": f.message, "hint": f.hint, "place": str(f.place)}
                for f in self.findings()
            ],
        }
        if self.shown.history:
            found["history"] = [point.to_json() for point in self.history()]
        if self.shown.overlap:
            found["overlap"] = [one.to_json() for one in self.overlap()]
        if self.shown.sample:
            found["sample"] = self.sample()
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """Who is in a segment at a moment, before and after exclusions."""

    matched: BitMap
    funnel: Funnel
    universe: int


def _spread(people: BitMap, salt: str, count: int) -> Iterable[int]:
    """A few of the people, by a hash of their numbers (splitmix64) that the salt begins."""
    import numpy as np

    numbers = np.asarray(people.to_array(), dtype=np.uint64)
    mixed = numbers ^ np.uint64(int(salt[:16], 16))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    chosen: list[int] = numbers[np.argsort(mixed, kind="stable")[:count]].tolist()
    return chosen
