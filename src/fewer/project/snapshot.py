"""A snapshot as people use it: sizes, members, samples, overlaps, people removed by reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import combinations
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fewer.errors import NotFoundError
from fewer.journey.define.guard import Verdict, is_exclusion, verdict
from fewer.language.json import from_json
from fewer.language.words import describe, tree
from fewer.model.segment import Segment
from fewer.model.window import from_utc_micros
from fewer.pictures.display import Displayed
from fewer.project import clock

if TYPE_CHECKING:
    import pyarrow as pa
    from pyroaring import BitMap

    from fewer.data.store.snapshots import SegmentResult
    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.evaluate.engines.base import StepRun
    from fewer.project.explaining import Explanation
    from fewer.project.keys import Keys


@dataclass(frozen=True, slots=True)
class Removed:
    """A step of the exclusion funnel."""

    segment: str
    title: str
    removed: int
    remaining: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two segments and the people they have in common."""

    first: str
    second: str
    both: int
    of_first: float  # share of the first segment's people, 0..1
    of_second: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "first": self.first,
            "second": self.second,
            "both": self.both,
            "of_first": round(self.of_first, 6),
            "of_second": round(self.of_second, 6),
        }


class SegmentView:
    """One segment of a snapshot."""

    def __init__(
        self, result: SegmentResult, titles: dict[str, str], *, excluded: bool = False
    ) -> None:
        self.result = result
        self._titles = titles
        self._excluded = excluded

    @cached_property
    def definition(self) -> Segment:
        """The definition it was evaluated with."""
        written = from_json(self.result.definition, Segment)
        return written.model_copy(update={"id": self.id})

    @property
    def id(self) -> str:
        """Id of the segment or variant."""
        return self.result.id

    @property
    def base(self) -> str:
        """Id of the segment that this is a lookback variant of; its own id when it is none."""
        return self.id.partition("@")[0]

    @property
    def is_variant(self) -> bool:
        """Whether this is a lookback variant."""
        return "@" in self.id

    @property
    def title(self) -> str:
        """Name in front of people."""
        return self.definition.title

    @property
    def type(self) -> str:
        """Kind of segment."""
        return self.definition.type

    @property
    def words(self) -> str:
        """The rule in plain words, on one line."""
        return describe(self.definition.where)

    @property
    def tree(self) -> str:
        """The rule in plain words, as an indented tree."""
        return tree(self.definition.where)

    @property
    def matched(self) -> BitMap:
        """Person numbers for whom the condition holds, before exclusions."""
        return self.result.matched

    @property
    def members(self) -> BitMap:
        """Person numbers after exclusions."""
        return self.result.members

    @property
    def matched_size(self) -> int:
        """People the rule fits."""
        return len(self.result.matched)

    @property
    def size(self) -> int:
        """People after exclusions."""
        return len(self.result.members)

    @property
    def verdict(self) -> Verdict:
        """Where the size lies against the guard; what only serves to exclude may be any size."""
        guard = self.definition.size
        if self.is_exclusion and not guard.enforce:
            return "within"
        return verdict(self.size, guard)

    @property
    def is_exclusion(self) -> bool:
        """Whether it only serves to leave people out of other segments."""
        return self._excluded and is_exclusion(self.definition)

    @property
    def funnel(self) -> tuple[Removed, ...]:
        """Who was removed, step by step."""
        return tuple(
            Removed(step, self._titles.get(step, step), removed, remaining)
            for step, removed, remaining in self.result.funnel
        )

    @property
    def entered(self) -> int | None:
        """People new since the refresh before; None when there was none."""
        return self.result.entered

    @property
    def exited(self) -> int | None:
        """People gone since the refresh before; None when there was none."""
        return self.result.exited

    @property
    def seconds(self) -> float:
        """Its share of the time that the evaluation took."""
        return self.result.seconds

    @property
    def rows(self) -> int:
        """Its share of the rows that the evaluation touched."""
        return self.result.rows

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before using it."""
        return tuple(self.result.warnings)

    @property
    def proposals(self) -> tuple[str, ...]:
        """Edits that would bring it inside its guard, with the size each would give."""
        return tuple(self.result.proposals)

    def to_json(self) -> dict[str, Any]:
        """Plain data; counts of people, never people."""
        guard = self.definition.size
        return {
            "id": self.id,
            "title": self.title,
            "type": self.type,
            "variant": self.is_variant,
            "exclusion": self.is_exclusion,
            "words": self.words,
            "matched": self.matched_size,
            "size": self.size,
            "guard": {"min": guard.min, "max": guard.max},
            "verdict": self.verdict,
            "proposals": list(self.proposals),
            "funnel": [
                {
                    "segment": s.segment,
                    "title": s.title,
                    "removed": s.removed,
                    "remaining": s.remaining,
                }
                for s in self.funnel
            ],
            "entered": self.entered,
            "exited": self.exited,
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 6),
            "rows": self.rows,
        }


class Snapshot(Displayed):
    """Members of all segments at one `as_of`; never changes."""

    def __init__(
        self,
        record: Record,
        *,
        keys: Keys,
        zone: ZoneInfo,
        data: str,
        explanation: Explanation | None = None,
    ) -> None:
        self.record = record
        self.data = data
        self.explanation = explanation
        self._keys = keys
        self._zone = zone

    @property
    def steps(self) -> tuple[StepRun, ...]:
        """What was run to make it; known right after the build only."""
        return self.explanation.steps if self.explanation else ()

    @property
    def id(self) -> str:
        """Id of the build."""
        return self.record.id

    @property
    def as_of_us(self) -> int:
        """The moment, in UTC microseconds."""
        return self.record.as_of_us

    @property
    def as_of(self) -> str:
        """The moment, in ISO 8601, UTC."""
        return from_utc_micros(self.as_of_us).isoformat()

    @property
    def as_of_words(self) -> str:
        """The moment as people read it, in the project's time zone."""
        return clock.words(self.as_of_us, self._zone)

    @property
    def universe(self) -> int:
        """Number of people in all."""
        return self.record.universe

    @property
    def fingerprint(self) -> str:
        """Same fingerprint, same members."""
        return self.record.fingerprint

    @cached_property
    def segments(self) -> dict[str, SegmentView]:
        """Segments and variants by id, in the order of the definitions."""
        titles: dict[str, str] = {}
        results = self.record.segments
        excluded = {step for result in results.values() for step, _, _ in result.funnel}
        views = {i: SegmentView(r, titles, excluded=i in excluded) for i, r in results.items()}
        titles.update({i: view.title for i, view in views.items()})
        return views

    def segment(self, segment_id: str) -> SegmentView:
        """One segment; raises `NotFoundError` with the nearest names."""
        if segment_id not in self.segments:
            raise NotFoundError("segment", segment_id, self.segments)
        return self.segments[segment_id]

    def size(self, segment_id: str) -> int:
        """Number of people in a segment, after exclusions."""
        return self.segment(segment_id).size

    def members(self, segment_id: str) -> pa.Array:
        """Ids of the people in a segment, as text, in the order of their numbers."""
        return self._keys.of(self.segment(segment_id).members)

    def sample(self, segment_id: str, count: int = 5) -> list[str]:
        """Ids of `count` people of a segment, spread by hash: the same ones every time."""
        members = self.segment(segment_id).members
        salt = f"{self.fingerprint}:{segment_id}:"
        chosen = sorted(members, key=lambda p: sha256(f"{salt}{p}".encode()).digest())[:count]
        from pyroaring import BitMap

        keys: list[str] = self._keys.of(BitMap(chosen)).to_pylist()
        return keys

    def overlap(self, segment_ids: Sequence[str] = ()) -> list[Pair]:
        """People in common of every two of these segments (all, without variants, if none)."""
        views = [self.segment(i) for i in segment_ids] or [
            view for view in self.segments.values() if not view.is_variant
        ]
        pairs = []
        for first, second in combinations(views, 2):
            both = first.members.intersection_cardinality(second.members)
            pairs.append(
                Pair(
                    first.id,
                    second.id,
                    both,
                    both / first.size if first.size else 0.0,
                    both / second.size if second.size else 0.0,
                )
            )
        return sorted(pairs, key=lambda p: -p.both) if not segment_ids else pairs

    def to_json(self, *, explain: bool = False) -> dict[str, Any]:
        """Plain data: everything but the people."""
        found = {
            "build": self.id,
            "as_of": self.as_of,
            "universe": self.universe,
            "fingerprint": self.fingerprint,
            "engine": self.record.engine,
            "seconds": round(self.record.seconds, 6),
            "segments": [view.to_json() for view in self.segments.values()],
        }
        if explain and self.explanation:
            explained = self.explanation.to_json()
            found |= {"steps": explained.pop("steps"), "plan": explained}
        return found
