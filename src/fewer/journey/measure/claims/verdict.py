"""What the data says to a claim: supported, contradicted, or can't tell and what it would take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil, inf, log
from typing import Final

from fewer.journey.measure.figure import Figure, change, times
from fewer.model.claim import Says
from fewer.stats.cluster import LEAST_CONVERTED, times_more

_TELLING: Final = 0.05  # share of a difference below which nothing is said of it
_TWICE: Final = 2.0  # from here on people say "2.4x", below it "+26 %"


class Verdict(Enum):
    """The answer; the value is printed."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    CANNOT_TELL = "can't tell with this data"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, why, and what more it would take."""

    verdict: Verdict
    because: str
    needed: str = ""
    times_more: float | None = None


@dataclass(frozen=True, slots=True)
class Units:
    """What there is more of when there is more data: ``people`` and ``index times``."""

    name: str  # "people", "days"
    count: int
    over: str = ""  # "over the same 42 index times"


def judge(says: Says, ratio: Figure, units: Units) -> Judged:
    """Compare the interval of a ratio with the size that a claim states.

    Supported: the interval leaves out 1 on the claimed side and reaches the size. Contradicted: it
    ends before the size (of "up to": it leaves out any difference on the claimed side).
    """
    e = ratio.estimate
    if e.value is None or (e.lower is None and e.upper is None):
        return Judged(Verdict.CANNOT_TELL, f"there is {_without(ratio)}", _few(ratio, units))
    low, high = e.lower or 0.0, inf if e.upper is None else e.upper
    near, far = says.range
    if not says.up:  # the same question about the inverse ratio
        low, high, near, far = 1 / high if high else inf, 1 / low if low else inf, *_inverse(says)
    words, size = ratio.interval, size_words(says)
    if low > 1 and high >= near:
        return Judged(Verdict.SUPPORTED, _supported(words, size, says, beyond=low > far))
    if high < near or high <= 1:
        return Judged(Verdict.CONTRADICTED, _contradicted(words, says, clear=low > 1))
    distance = says.size if says.up else 1 / says.size
    more = times_more(low, high, distance) if 0 < low < high < inf else None
    because = f"the interval {words} holds both no difference and {size}"
    if low > 1 or more == 1.0:
        because = f"the interval {words} is too wide to say"
    return Judged(Verdict.CANNOT_TELL, because, _more(more, units, size), more)


def size_words(says: Says) -> str:
    """The size as people say it.

    >>> size_words(Says(ratio=2.4)), size_words(Says(between=(0.82, 0.9)))
    ('2.4x', '−10 % to −18 %')
    """
    near, far = says.range
    if says.between:
        return f"{_one(near)} to {_one(far)}"
    if says.up_to:
        return f"up to {_one(far)}"
    if says.at_least:
        return f"{_one(near)} or {'more' if says.up else 'less'}"
    return _one(near)


def _one(ratio: float) -> str:
    return f"{times(ratio)}x" if ratio >= _TWICE else change(ratio)


def _inverse(says: Says) -> tuple[float, float]:
    near, far = says.range
    return 1 / near, 1 / far if far else inf


def _supported(words: str, size: str, says: Says, *, beyond: bool) -> str:
    if beyond and not says.at_least:
        return f"the interval {words} lies beyond {size}: there is more of it here than claimed"
    if says.up_to:
        return f"the interval {words} leaves out no difference"
    return f"the interval {words} reaches {size} and leaves out no difference"


def _contradicted(words: str, says: Says, *, clear: bool) -> str:
    size = size_words(says)
    if clear:
        return f"there is a difference, but a smaller one: {size} lies outside the interval {words}"
    if says.up_to:
        return f"the interval {words} lies on the other side of no difference"
    return f"{size} lies outside the interval {words}, which holds no difference as well"


def _without(ratio: Figure) -> str:
    return (
        ratio.interval.replace("no interval", "no ratio")
        if ratio.estimate.value is None
        else (ratio.interval)
    )


def _few(ratio: Figure, units: Units) -> str:
    if units.name == "days":
        return "ad reports over more days"
    if ratio.estimate.value is None:
        return f"groups in which at least {LEAST_CONVERTED} people convert each"
    return f"at least {LEAST_CONVERTED} people who convert in each of the two groups"


def _more(more: float | None, units: Units, size: str) -> str:
    if more is None or more <= 1:
        return f"a narrower interval: more {units.name}, or more index times"
    count = _rounded(units.count * more)
    over = f" {units.over}" if units.over else ""
    return (
        f"about {count:,} {units.name} instead of {units.count:,}{over}, to tell {size} from none"
    )


def _rounded(count: float) -> int:
    """Two significant digits, up."""
    step = int(10 ** max(len(str(int(count))) - 2, 0))
    return ceil(count / step) * step


def more_than_activity(adjusted: Figure, ratio: Figure) -> str:
    """What is left among people of equal prior activity, as a sentence."""
    e = adjusted.estimate
    if e.value is None:
        return f"It can't be adjusted for prior activity: {e.why}."
    told = f"Among people who were equally active before: {adjusted.words}."
    if e.lower is None or e.upper is None:
        return told
    if e.lower <= 1 <= e.upper:
        return f"{told} No difference is left that this data could show."
    seen = ratio.estimate.value
    if seen and (rest := 1 - _share(e.value, seen)) >= _TELLING and rest < 1:
        return f"{told} Prior activity accounts for {rest:.0%} of the difference."
    return told


def _share(part: float, whole: float) -> float:
    return log(part) / log(whole) if part > 0 and whole not in (0.0, 1.0) else 1.0


def was_there_before(control: Figure) -> str:
    """The negative control as a sentence."""
    e = control.estimate
    if e.value is None or e.lower is None or e.upper is None:
        return "The check against outcomes before the lookback has too little data."
    told = f"Before the lookback, where nothing that was done later can matter: {control.words}."
    if e.lower <= 1 <= e.upper:
        return f"{told} No difference was there that this data could show."
    return f"{told} That much was there already: it is who these people are."
