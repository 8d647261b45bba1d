"""What the rules are given: everything known of each segment, as plain values, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field

from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.model.segment import Segment


@dataclass(frozen=True, slots=True)
class Past:
    """A segment in one refresh; `kept` is the share of the people before who are still in it."""

    build: str
    as_of_us: int
    size: int
    entered: int | None = None
    kept: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """An edit of the definition, tried on the same data."""

    segment: Segment  # as it would be written, under its own id
    words: str  # ``within: 21d``
    size: int
    fits: bool  # inside the wanted size
    inside: int  # people who are in both, the present segment and the changed one


@dataclass(frozen=True, slots=True)
class Near:
    """Another segment with nearly the same people."""

    other: str
    title: str
    both: int
    jaccard: float
    gives_way: bool  # of the two, this one should go


@dataclass(frozen=True, slots=True)
class Arms:
    """A randomised comparison inside the segment: sums over everyone assigned."""

    experiment: str
    arm: str
    control: str
    label: EvidenceLabel
    people: int
    converted: int
    control_people: int
    control_converted: int
    window_days: float
    spend: float | None = None  # on the people of `arm`, while outcomes counted
    spend_error: float = 0.0  # relative standard error of `spend`, as a forecast
    open_ended: bool = False  # without a planned end: read again at every refresh
    figure: Figure | None = None  # the ratio as measured
    broken: str = ""  # why nothing of it may be read
    early: str = ""  # why it may not be read yet

    @property
    def readable(self) -> bool:
        """Whether verdicts may rest on it."""
        return not self.broken and not self.early and min(self.people, self.control_people) > 0


@dataclass(frozen=True, slots=True)
class Seen:
    """How a segment converted against everyone else: people who chose themselves."""

    people: int
    converted: int
    window_days: float
    ratio: Figure | None
    rate: Figure
    adjusted: Figure | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A lookback window that suits the segment better than its own, with the figure behind it."""

    changed: Segment
    words: str  # ``within: 14d``
    now: str  # ``30d``
    why: str
    size: int
    figure: Figure | None = None
    p: float | None = None  # that the people left out convert as often; over all segments
    weekly_rate: float | None = None  # conversions a week and person of those left out


@dataclass(frozen=True, slots=True)
class Spent:
    """What ads for a segment cost a week, from its reports."""

    weekly: float
    currency: str
    first_day: str
    last_day: str
    error: float = 0.0  # relative standard error: how much days differ


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding about data that the segment reads."""

    code: str
    title: str
    fix: str
    grave: bool  # nothing may be built on it


@dataclass(frozen=True, slots=True)
class Facts:
    """One segment. Whatever is None or empty is not known, and no rule guesses it."""

    segment: Segment
    size: int
    history: tuple[Past, ...] = ()  # the newest first, this refresh included
    changes: tuple[Change, ...] = ()
    near: tuple[Near, ...] = ()
    arms: tuple[Arms, ...] = ()
    seen: Seen | None = None
    window: Window | None = None
    faults: tuple[Fault, ...] = ()
    spent: Spent | None = None
    cost_unknown: str = ""  # why there is no `spent`, and what to add
    weekly: float | None = None  # people who come new into it a week
    first: int | None = None  # people who are in no segment before it on the priority list
    planned: str = ""  # experiment of the project's files that is to hold people of it out
    changed_since: bool = False  # the definition is not the one that was measured

    @property
    def id(self) -> str:
        """Id of the segment."""
        return self.segment.id


@dataclass(frozen=True, slots=True)
class Programme:
    """What all segments share."""

    goal: str = ""  # title of the goal that decides
    goal_id: str = ""
    things: str = "conversions"
    worth: float | None = None  # average value of one conversion
    worth_error: float = 0.0  # its relative standard error
    currency: str = ""
    pooled: Figure | None = None  # all tested segments together, nobody counted twice
    facts: tuple[Facts, ...] = ()
    notes: tuple[str, ...] = field(default=())
