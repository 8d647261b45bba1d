"""A figure: one estimate with its unit and its evidence label, and how people read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.stats.estimate import Estimate, State

Kind = Literal["share", "points", "times", "amount", "number"]

_NARROW: Final = 1.35  # upper over lower limit of a ratio
_SMALL: Final = 0.1  # below this a share is shown with one more digit


@dataclass(frozen=True, slots=True)
class Figure:
    """One estimate that people see.

    `kind` says how the number is read: a ``share`` of people (0.05 is 5 %), ``points``
    between two shares, a ratio of ``times``, an ``amount`` in `unit`, or a ``number`` of things.
    """

    estimate: Estimate
    kind: Kind
    unit: str
    label: EvidenceLabel
    note: str = ""

    @property
    def number(self) -> str:
        """The value alone: ``4.8 %``, ``1.8x``, ``0.92 USD per click``, or ``-``."""
        value = self.estimate.value
        if value is None:
            return "-"
        if self.kind in ("amount", "number"):
            return f"{self._bare(value)} {self.unit}"
        return self._plain(value)

    @property
    def interval(self) -> str:
        """The limits: ``1.2-2.7``, ``at least 2.1``, or why there are none."""
        e = self.estimate
        match e.state:
            case State.BOUNDED if e.lower is not None and e.upper is not None:
                join = " to " if self.kind in ("points", "number") or e.lower < 0 else "-"
                return f"{self._bare(e.lower)}{join}{self._bare(e.upper)}{self._sign}"
            case State.UNBOUNDED_ABOVE if e.lower is not None:
                return f"at least {self._bare(e.lower)}{self._sign}, no upper limit"
            case State.UNBOUNDED_BELOW if e.upper is not None:
                return f"at most {self._bare(e.upper)}{self._sign}, no lower limit"
            case State.UNBOUNDED | State.TWO_RAYS:
                # Two rays leave out a gap in the middle; its ends are in no unit for people.
                why = e.why.partition(": at most")[0]
                return f"unbounded: {why}" if why else "unbounded"
            case _:
                return f"no interval: {e.why}" if e.why else "no interval"

    @property
    def words(self) -> str:
        """Value, label and interval: ``1.8x (association, 95 % interval 1.2-2.7)``."""
        level = f"{self.estimate.confidence * 100:g} % interval "
        limits = self.interval
        bare = limits.startswith(("no interval", "unbounded"))
        limits = limits if bare else level + limits
        return check_words(f"{self.number} ({short(self.label)}, {limits})", self.label)

    def to_json(self) -> dict[str, Any]:
        """Numbers, unit and label."""
        return {
            **self.estimate.to_json(),
            "kind": self.kind,
            "unit": self.unit,
            "label": self.label.value,
            "may_say_lift": self.label.may_say_lift,
            "note": self.note,
            "words": self.words,
        }

    @property
    def _sign(self) -> str:
        return {"share": " %", "points": " points"}.get(self.kind, "")

    def _plain(self, value: float) -> str:
        return f"{self._bare(value)}{'x' if self.kind == 'times' else self._sign}"

    @property
    def _decimals(self) -> int | None:
        """Decimals that tell the limits of a narrow interval apart; None for a wide one."""
        low, high = self.estimate.lower, self.estimate.upper
        if not low or high is None or high / low > _NARROW:
            return None
        return 2 if high - low > _SMALL / 4 else 3

    def _bare(self, value: float) -> str:
        match self.kind:
            case "share":
                return percent(value)
            case "points":
                return f"{value * 100:+.2f}".replace("-", "\N{MINUS SIGN}")
            case "times":
                return times(value) if self._decimals is None else f"{value:.{self._decimals}f}"
            case "number":
                return f"{value:+,.0f}".replace("-", "\N{MINUS SIGN}")
            case _:
                return f"{value:,.2f}".replace("-", "\N{MINUS SIGN}")


def short(label: EvidenceLabel) -> str:
    """The label inside a sentence: a raw association is just ``association``."""
    return "association" if label is EvidenceLabel.RAW_ASSOCIATION else label.value


def percent(share: float) -> str:
    """A share in per cent, with digits enough to tell small ones apart, without the sign.

    >>> percent(0.5), percent(0.0483), percent(0.0004), percent(0)
    ('50.0', '4.83', '0.040', '0')
    """
    if share == 0:
        return "0"
    return f"{share * 100:.{1 if share >= _SMALL else 2 if share >= _SMALL**2 / 10 else 3}f}"


def times(ratio: float) -> str:
    """A ratio with two significant digits.

    >>> times(1.84), times(0.237), times(12.6), times(0)
    ('1.8', '0.24', '13', '0')
    """
    if ratio == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(ratio))))
    return f"{ratio:,.{min(digits, 3)}f}"


def change(ratio: float) -> str:
    """A ratio as a change in per cent.

    >>> change(1.26), change(0.9)
    ('+26 %', '−10 %')
    """
    return f"{(ratio - 1) * 100:+.0f} %".replace("-", "\N{MINUS SIGN}")
