"""The plan of a build as people read it: which questions, asked by whom, at what cost."""

from __future__ import annotations

import resource
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from fewer.errors import UnsupportedByEngineError
from fewer.evaluate.engines.base import Capabilities, StepRun
from fewer.evaluate.plan.construct import constructs
from fewer.evaluate.plan.leaf import is_constant
from fewer.evaluate.plan.passes import EventPass, Pass, names_of, rows_of
from fewer.evaluate.plan.plan import Plan
from fewer.language.words import describe
from fewer.model.segment import Segment
from fewer.project.costs import Cost, leaf_costs, leaf_users

_PASSES: Final = {
    "Tally": "counts, sums, shares, first and last",
    "Keyed": "different days, spans or values",
    "Bursts": "bursts",
    "Picks": "properties of the first or last",
    "Chains": "a sequence",
    "Persons": "traits",
    "Consents": "consents",
    "Lists": "lists",
    "Samples": "samples",
}
_FIGURES: Final = {
    "parts": "parts of the index",
    "parts_made": "parts indexed just now",
    "parts_pruned": "parts that need not be read",
    "cache_hits": "questions answered before",
    "index_bytes": "size of the index",
    "events": "events in the index",
    "leaves": "questions that read data",
    "rows_read": "rows read",
    "peak_bytes": "most memory of the engine",
}
"""Figures that engines give -> what they are; others are shown by name."""


@dataclass(frozen=True, slots=True)
class LeafUse:
    """One distinct question of the data: who asks it, and what answering it cost."""

    number: int
    words: str
    segments: tuple[str, ...]
    reads: bool  # whether any data can change the answer
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "leaf": self.number,
            "words": self.words,
            "segments": list(self.segments),
            "reads": self.reads,
            "seconds": round(self.cost.seconds, 6),
            "rows": round(self.cost.rows),
        }


@dataclass(frozen=True, slots=True)
class PassPlan:
    """Questions that are answered together, and the events there are to look at."""

    words: str
    leaves: tuple[int, ...]
    events: tuple[str, ...] | None  # None: any; empty: none
    rows: int

    @property
    def reads(self) -> str:
        """What is read, in words."""
        if self.events is None:
            return "any event"
        return ", ".join(self.events) or "people"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        events = "*" if self.events is None else list(self.events)
        return {
            "words": self.words,
            "leaves": list(self.leaves),
            "events": events,
            "rows": self.rows,
        }


@dataclass(frozen=True, slots=True)
class Lack:
    """A construct that an engine does not have, and where it is used."""

    segment: str
    construct: str
    instead: str

    def __str__(self) -> str:
        return f"{self.segment} uses {self.construct!r}. {self.instead}"


@dataclass(frozen=True)
class Explanation:
    """A plan, and what became of it; before a build there are no steps yet.

    `kept` counts segments that an interrupted build had finished.
    """

    plan: Plan
    engine: str
    capabilities: Capabilities
    steps: tuple[StepRun, ...] = ()
    figures: Mapping[str, int | float] = field(default_factory=dict)
    batches: int = 1
    kept: int = 0

    @cached_property
    def leaves(self) -> tuple[LeafUse, ...]:
        """Every distinct question, by number."""
        plan = self.plan
        costs, users = leaf_costs(plan, self.steps), leaf_users(plan)
        return tuple(
            LeafUse(n, describe(plan.sources[n]), users[n], not is_constant(leaf), costs[n])
            for n, leaf in enumerate(plan.leaves)
        )

    @cached_property
    def passes(self) -> tuple[PassPlan, ...]:
        """Questions grouped as the plan groups them."""
        return tuple(_pass(each, self.plan) for each in self.plan.passes)

    @cached_property
    def lacks(self) -> tuple[Lack, ...]:
        """What segments use and the engine does not have."""
        return tuple(lacking([p.segment for p in self.plan.segments], self.capabilities))

    @property
    def limits(self) -> Mapping[str, str]:
        """What the engine does not have at all, and what to do instead."""
        return self.capabilities.lacks

    def named_figures(self) -> list[tuple[str, str]]:
        """Figures of the engine as words and text, and the memory of this process."""
        found = {**self.figures}
        rows = [(_FIGURES.get(n, n.replace("_", " ")), _shown(n, v)) for n, v in found.items()]
        return [*rows, ("most memory of this process", _bytes(peak_bytes()))]

    def to_json(self) -> dict[str, Any]:
        """Plain data, the SQL of every step included."""
        return {
            "engine": self.engine,
            "segments": len(self.plan.segments),
            "batches": self.batches,
            "kept": self.kept,
            "leaves": [leaf.to_json() for leaf in self.leaves],
            "passes": [each.to_json() for each in self.passes],
            "lacks": [
                {"segment": o.segment, "construct": o.construct, "instead": o.instead}
                for o in self.lacks
            ],
            "limits": dict(self.limits),
            "figures": {**self.figures, "process_peak_bytes": peak_bytes()},
            "steps": [step_json(step) for step in self.steps],
        }


def step_json(step: StepRun) -> dict[str, Any]:
    """A step as plain data."""
    return {
        "name": step.name,
        "rows": step.rows,
        "seconds": round(step.seconds, 6),
        "leaves": list(step.leaves),
        "note": step.note,
        "sql": step.sql,
    }


def lacking(segments: Sequence[Segment], capabilities: Capabilities) -> list[Lack]:
    """What the segments use and an engine does not have."""
    lacks = capabilities.lacks
    if not lacks:
        return []
    return [
        Lack(segment.id, construct, lacks[construct])
        for segment in segments
        for construct in sorted(constructs(segment.where) & lacks.keys())
    ]


def refuse_lacking(
    segments: Sequence[Segment], capabilities: Capabilities, engine: str, *, shown: int = 5
) -> None:
    """Raise `UnsupportedByEngineError` before any work when an engine lacks what is used."""
    found = lacking(segments, capabilities)
    if found:
        more = f" And {len(found) - shown:,} more." if len(found) > shown else ""
        said = " ".join(map(str, found[:shown]))
        raise UnsupportedByEngineError(
            f"The engine {engine!r} can't evaluate this. {said}{more} Nothing was evaluated."
        )


def peak_bytes() -> int:
    """Most memory that this process had resident so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def merged(figures: Collection[Mapping[str, int | float]]) -> dict[str, int | float]:
    """Figures of several evaluations: sizes don't add up, everything else does."""
    found: dict[str, int | float] = {}
    for one in figures:
        for name, value in one.items():
            before = found.get(name, 0)
            found[name] = max(before, value) if name.endswith("_bytes") else before + value
    return found


def _pass(each: Pass, plan: Plan) -> PassPlan:
    words = _PASSES[type(each).__name__]
    if not isinstance(each, EventPass):
        return PassPlan(words, each.leaves, (), 0)
    names = names_of(plan.leaves[n] for n in each.leaves)
    return PassPlan(words, each.leaves, names, rows_of(names, plan.catalog.events))


def _shown(name: str, value: float) -> str:
    return _bytes(value) if name.endswith("_bytes") else f"{value:,}"


def _bytes(size: float) -> str:
    """A size in the unit that suits it.

    >>> _bytes(1536), _bytes(5 * 2**30)
    ('1.5 KiB', '5.0 GiB')
    """
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004  bytes in a KiB
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
