"""What a segment costs a week, from ad reports, for recommending; or why that is not known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import sqrt
from statistics import variance
from typing import TYPE_CHECKING, Final

from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import Spent
from fewer.model.window import DAY, local_date

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from zoneinfo import ZoneInfo

    from fewer.journey.measure.ads import AdDay

_GUIDE: Final = "see docs/mapping.md, Ad reports"
_LEAST_DAYS: Final = 2  # from which it can be told how days differ


@dataclass(frozen=True, slots=True)
class Costs:
    """Ad reports of the weeks before a refresh; `money` is the currency that goals are worth."""

    days: tuple[AdDay, ...] | None  # None: not read, as there is nothing to measure by
    until_us: int
    zone: ZoneInfo
    money: str = ""

    def spent(self, segment: str) -> Spent | None:
        """Weekly spend on a segment, where its reports are in one currency, that of the goal."""
        found = self._of(segment)
        currencies = {one.currency for one in found if one.spend}
        if len(currencies) != 1 or (self.money and self.money not in (*currencies, "")):
            return None
        total = sum(one.spend for one in found)
        first, last = min(one.day for one in found), max(one.day for one in found)
        length = (last - first).days + 1
        return Spent(
            total / length * values.WEEK_DAYS,
            next(iter(currencies)),
            first.isoformat(),
            last.isoformat(),
            relative_error(found, length),
        )

    def unknown(self, segment: str) -> str:
        """Why `spent` is None, with what to add; empty where it is not."""
        if self.days is None:
            return "ad reports are read where a goal can be measured, and none can yet"
        if not self.days:
            return f"there are no ad reports: add them as a source ({_GUIDE})"
        found = self._of(segment)
        if not found:
            return (
                f"the ad reports name no ads of it in the last {values.COST_WEEKS} weeks: give them"
                " its id as `segment`, or a rule under `ads: names` in fewer.yaml"
            )
        currencies = sorted({one.currency or "no currency" for one in found if one.spend})
        if not currencies:
            return "its ad reports say that nothing was spent"
        if len(currencies) > 1:
            return f"its ads are paid in {' and '.join(currencies)}: report them in one currency"
        if self.spent(segment) is None:
            return (
                f"its ads are paid in {currencies[0]}, and the goal is worth {self.money}: convert"
                " one of the two by day before loading"
            )
        return ""

    def _of(self, segment: str) -> list[AdDay]:
        last = local_date(self.until_us - 1, self.zone)
        first = local_date(self.until_us - values.COST_WEEKS * values.WEEK_DAYS * DAY, self.zone)
        days = self.days or ()
        return [one for one in days if one.segment == segment and first <= one.day <= last]


def relative_error(rows: Iterable[AdDay], length: int) -> float:
    """Relative standard error of what so many days cost, from how much they differ.

    Days without a row cost nothing. 0 where there are too few days to tell.
    """
    by_day: dict[date, float] = defaultdict(float)
    for row in rows:
        by_day[row.day] += row.spend
    total = sum(by_day.values())
    if length < _LEAST_DAYS or total <= 0:
        return 0.0
    amounts = [*by_day.values(), *[0.0] * (length - len(by_day))]
    return sqrt(length * variance(amounts)) / total
