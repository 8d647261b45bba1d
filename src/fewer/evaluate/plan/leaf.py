"""Leaves: the distinct questions that a set of segments asks of the data, in normal form.

Two conditions that ask the same become equal leaves, whatever way they were written, so the
data is asked once. A leaf is true or false for every person; for a person of whom the data
knows nothing it is `default`.
"""

from __future__ import annotations

from dataclasses import dataclass

from fewer.evaluate.plan.atom import NEVER, Atom, Column, hold_for_missing
from fewer.evaluate.plan.bounds import Bounds
from fewer.evaluate.plan.clock import Window


@dataclass(frozen=True, slots=True)
class Match:
    """Which events count: by name (sorted; None is any) and by atoms that all hold."""

    events: tuple[str, ...] | None
    atoms: tuple[Atom, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """Matching events."""


@dataclass(frozen=True, slots=True)
class Share:
    """Matches for which `atoms` hold too, divided by matches; bounds in micro-units."""

    atoms: tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """Sum in micro-units; a property without numbers sums to 0."""

    column: Column | None


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean in micro-units, compared as sum against bound times number of values."""

    column: Column | None


@dataclass(frozen=True, slots=True)
class Extreme:
    """Largest or smallest value, in micro-units."""

    column: Column | None
    largest: bool


@dataclass(frozen=True, slots=True)
class LocalDay:
    """Key of `Distinct`: the local calendar day."""


@dataclass(frozen=True, slots=True)
class Period:
    """Key of `Distinct`: which span of `each` microseconds back from as_of."""

    each: int


@dataclass(frozen=True, slots=True)
class Value:
    """Key of `Distinct`: a property's value and its type."""

    columns: tuple[Column, ...]


Key = LocalDay | Period | Value


@dataclass(frozen=True, slots=True)
class Distinct:
    """Number of distinct keys among the matches that have one."""

    key: Key


@dataclass(frozen=True, slots=True)
class Burst:
    """True if some `count` matches lie within `span` microseconds, last minus first."""

    count: int
    span: int


Measure = Count | Share | Sum | Mean | Extreme | Distinct | Burst


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The matches in a window, reduced to one number that must lie within bounds."""

    match: Match
    window: Window
    measure: Measure
    bounds: Bounds

    @property
    def default(self) -> bool:
        """Answer for a person without a match."""
        zero = isinstance(self.measure, Count | Sum | Distinct)
        return zero and self.bounds.holds(0)


@dataclass(frozen=True, slots=True)
class Pick:
    """The latest or earliest match of all lies in the window and `having` holds for it."""

    match: Match
    latest: bool
    window: Window
    having: tuple[Atom, ...] = ()
    default = False


@dataclass(frozen=True, slots=True)
class Link:
    """A step: at most `within` microseconds after the last present step (None: any time).

    An absent step must have no match in ``(t, t + within]`` after that step.
    """

    match: Match
    absent: bool = False
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A sequence without its window: steps, and keys on which all of them agree."""

    links: tuple[Link, ...]
    keys: tuple[tuple[Column, ...], ...] = ()
    session: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Events as in `shape` exist, all present ones within the window."""

    shape: Shape
    window: Window
    default = False


@dataclass(frozen=True, slots=True)
class Person:
    """Tests of a trait."""

    atoms: tuple[Atom, ...]

    @property
    def default(self) -> bool:
        """Answer for a person who has no trait at all."""
        return hold_for_missing(self.atoms)


@dataclass(frozen=True, slots=True)
class Granted:
    """Consent for the purpose was granted."""

    purpose: str
    default = False


@dataclass(frozen=True, slots=True)
class Listed:
    """The person is on the list."""

    list_id: str
    default = False


@dataclass(frozen=True, slots=True)
class Sampled:
    """The digest of salt and person is below the threshold (16 hex digits; None: everyone)."""

    salt: str
    threshold: str | None

    @property
    def default(self) -> bool:
        """Answer when nobody's digest is asked."""
        return self.threshold is None


Leaf = Behaviour | Pick | Chain | Person | Granted | Listed | Sampled


def is_constant(leaf: Leaf) -> bool:
    """Whether the leaf is `default` for everyone, whatever the data: there is nothing to read."""
    match leaf:
        case Behaviour():
            return leaf.window.is_empty or NEVER in leaf.match.atoms or _unmeasurable(leaf.measure)
        case Pick():
            atoms = leaf.match.atoms + leaf.having
            return leaf.window.is_empty or NEVER in atoms
        case Chain():
            needed = [link.match for link in leaf.shape.links if not link.absent]
            impossible = any(NEVER in match.atoms for match in needed)
            return leaf.window.is_empty or impossible or not all(leaf.shape.keys)
        case Person():
            return NEVER in leaf.atoms or not leaf.atoms
        case Sampled():
            return leaf.threshold is None or not leaf.threshold.strip("0")
        case Granted() | Listed():
            return False


def _unmeasurable(measure: Measure) -> bool:
    match measure:
        case Sum() | Mean() | Extreme():
            return measure.column is None
        case Distinct(key=Value(columns=columns)):
            return not columns
        case _:
            return False
