"""Which lookback window to take: what the people it adds are worth, what they cost, and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fewer.destinations.minimums import in_words, too_few_for
from fewer.journey.measure.figure import Figure, percent
from fewer.journey.measure.windows import WindowBand
from fewer.model.segment import SizeGuard

CAUSED: Final = 0.2
FREQUENCY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Money:
    """What reaching a person costs and a conversion is worth; None where nobody said.

    `caused` is an assumption: the share of the band's conversions that would not have happened
    without the message. Only a test with people held out can tell it.
    """

    cost: float | None  # per person reached
    value: float | None  # per conversion
    currency: str
    caused: float = CAUSED
    source: str = ""  # where the cost comes from

    @property
    def known(self) -> bool:
        """Whether cost and value are both known."""
        return self.cost is not None and self.value is not None


@dataclass(frozen=True, slots=True)
class Worth:
    """Money for each person that a window adds."""

    value: float | None  # by the rate that was seen
    least_value: float | None  # by the lower limit of the rate
    cost: float | None
    break_even: float | None  # share of conversions that must be caused; None: never, or not known
    pays: bool | None  # whether the lower limit does
    measured: bool = False  # by people held out at random; else by the share assumed to be caused

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def worth(band: WindowBand, money: Money, changed: Figure | None = None) -> Worth:
    """What a person of the band is worth, and whether that pays.

    Args:
        band: Whom a window adds.
        money: Cost of reaching a person, value of a conversion, share assumed to be caused.
        changed: What reaching people of the band changed, where a test at random told: conversions
            a person more. It takes the place of the assumption.
    """
    rate = band.rate.estimate
    if money.value is None or rate.value is None:
        return Worth(None, None, money.cost, None, None)
    measured = changed is not None and changed.estimate.value is not None
    if changed is not None and measured:
        more, least_more = changed.estimate.value, changed.estimate.lower
    else:
        more = rate.value * money.caused
        least_more = None if rate.lower is None else rate.lower * money.caused
    seen = (more or 0.0) * money.value
    least = None if least_more is None else least_more * money.value
    if money.cost is None:
        return Worth(seen, least, None, None, None, measured)
    whole = rate.value * money.value
    even = money.cost / whole if whole else None
    return Worth(seen, least, money.cost, even, (least or 0.0) >= money.cost, measured)


@dataclass(frozen=True, slots=True)
class Size:
    """People the segment has with one window, now."""

    window: str
    people: int
    guard: SizeGuard
    platform: int

    @property
    def problem(self) -> str:
        """Why it can't be used; empty when it can."""
        if self.people < self.platform:
            return f"{self.people:,} people, fewer than the {self.platform:,} platforms ask for"
        if self.people < self.guard.min:
            return f"{self.people:,} people, fewer than the {self.guard.min:,} wanted"
        if self.people > self.guard.max:
            return f"{self.people:,} people, more than the {self.guard.max:,} wanted"
        return ""

    @property
    def left_out(self) -> str:
        """Platforms that take no audience of so few; empty when all do."""
        return in_words(self.people)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "people": self.people,
            "wanted": [self.guard.min, self.guard.max],
            "platform_minimum": self.platform,
            "too_few_for": [
                {"minimum": least, "platforms": list(names)}
                for least, names in too_few_for(self.people)
            ],
            "deliverable": self.people >= self.platform,
            "problem": self.problem or None,
        }


@dataclass(frozen=True, slots=True)
class Advice:
    """The window to take, or None, and why, in a sentence."""

    window: str | None
    because: str


def advise(
    bands: Sequence[WindowBand], sizes: Sequence[Size], worths: Sequence[Worth], money: Money
) -> Advice:
    """The longest window whose every band pays; without money, the longest before the rate falls.

    Args:
        bands: The innermost first.
        sizes: Of the windows, in the same order.
        worths: Of the bands, in the same order.
        money: Of which both parts may be unknown.
    """
    usable = [not size.problem for size in sizes]
    if not any(usable):
        return Advice(None, "no window has a usable size: " + "; ".join(
            f"{size.window} has {size.problem}" for size in sizes))  # fmt: skip
    if money.known:
        return _paying(bands, sizes, worths, money, usable)
    last = next((n for n, b in enumerate(bands[1:], 1) if b.clearly_lower), len(bands)) - 1
    inside = [n for n in range(last + 1) if usable[n]]
    if inside:
        return _before_the_fall(bands, sizes, inside[-1], last)
    chosen = usable.index(True)
    if chosen > last:
        because = (
            f"{bands[last].window} has {sizes[last].problem}; people of {bands[chosen].label} ago"
            f" convert less often, and are needed for the size"
        )
        return Advice(bands[chosen].window, because)
    return Advice(None, f"{bands[last].window} has {sizes[last].problem}")


def _before_the_fall(
    bands: Sequence[WindowBand], sizes: Sequence[Size], chosen: int, last: int
) -> Advice:
    window = bands[chosen].window
    if chosen < last:
        return Advice(window, f"{bands[chosen + 1].window} has {sizes[chosen + 1].problem}")
    if last + 1 < len(bands):
        after = bands[last + 1]
        step = f"{after.step.number} as often ({after.step.interval})" if after.step else "less"
        because = (
            f"the people that {after.window} adds ({after.label} ago) convert {step} as those of"
            f" {bands[last].label}"
        )
        return Advice(window, because)
    return Advice(window, "no band converts clearly less often than the one before it")


def _paying(
    bands: Sequence[WindowBand],
    sizes: Sequence[Size],
    worths: Sequence[Worth],
    money: Money,
    usable: Sequence[bool],
) -> Advice:
    paying = next((n for n, one in enumerate(worths) if not one.pays), len(worths))
    inside = [n for n in range(paying) if usable[n]]
    share = f"{percent(money.caused)} % of conversions caused (assumed)"
    if not paying:
        even = worths[0].break_even
        least = "no share would do" if even is None or even > 1 else f"it takes {even:.0%}"
        return Advice(None, f"with {share} not even {bands[0].label} pays: {least}")
    if not inside:
        return Advice(None, f"{bands[paying - 1].window} has {sizes[paying - 1].problem}")
    chosen = inside[-1]
    if chosen < paying - 1:
        return Advice(bands[chosen].window, f"{bands[chosen + 1].window} has"
                      f" {sizes[chosen + 1].problem}")  # fmt: skip
    one = worths[chosen]
    how = "measured at random" if one.measured else f"with {share}"
    because = (
        f"{how}, a person of its last band is worth at least"
        f" {one.least_value or 0:,.2f} {money.currency} and costs {money.cost:,.2f}"
    )
    if paying < len(bands):
        after = worths[paying]
        also = " (measured at random)" if after.measured and not one.measured else ""
        because += (
            f"; what {bands[paying].window} adds is worth as little as"
            f" {after.least_value or 0:,.2f}{also}"
        )
    return Advice(bands[chosen].window, because)
