"""Rules about outcomes of randomised comparisons: the only ones that may say scale or stop."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import Arms
from fewer.journey.measure.recommend.judge import Judged
from fewer.journey.measure.recommend.rules.base import Case
from fewer.journey.measure.recommend.verdict import Action, Amount, Recommendation
from fewer.model.segment import Segment
from fewer.stats.estimate import normal_quantile

_NOTE = "drawn towards the programme's average, as far as segments differ by chance"


@dataclass(frozen=True, slots=True)
class _Row:
    """One comparison of the segment with its row of what was judged."""

    arms: Arms
    judged: Judged
    at: int
    currency: str

    @property
    def of_segment(self) -> bool:
        """Whether it compares reaching the people with not reaching them."""
        return self.arms.label is not EvidenceLabel.RANDOMISED_ARM

    @property
    def figure(self) -> Figure:
        """Conversions gained by reaching people, shrunk."""
        return Figure(
            self.judged.gain.at(self.at), "points", "share of people", self.arms.label, _NOTE
        )

    @property
    def per_week(self) -> float:
        """From a rate per person to what one person gives a week."""
        return values.WEEK_DAYS / self.arms.window_days

    @property
    def limits(self) -> tuple[float, float, float]:
        """Net gain per person and its limits."""
        found, i = self.judged.net, self.at
        return float(found.value[i]), float(found.lower[i]), float(found.upper[i])

    @property
    def costed(self) -> bool:
        """Whether the cost of reaching people is known."""
        return bool(self.judged.break_even[self.at] > 0)

    def cost(self, people: float) -> dict[str, Any]:
        """What reaching so many more people costs a week, where that is known."""
        arms = self.arms
        if not self.costed or not arms.spend:
            return {"reach": people}
        value = people * arms.spend / arms.people * self.per_week
        half = normal_quantile(values.CONFIDENCE) * arms.spend_error * abs(value)
        unit = f"{self.currency or 'units'} a week"
        note = "what was spent on these people while outcomes counted; the gain is after it"
        return {
            "reach": people,
            "cost": Amount(value, unit, value - half, value + half),
            "cost_note": note,
        }

    @property
    def family(self) -> str:
        """How many comparisons it was corrected for."""
        many = int((self.judged.p_adjusted >= 0).sum())
        looks = ", each read every week" if self.arms.open_ended else ""
        return f"after correction for {many:,} comparison{'' if many == 1 else 's'}{looks}"


def _rows(case: Case) -> list[_Row]:
    if case.judged is None:
        return []
    rows = [
        _Row(arms, case.judged, case.first_row + i, case.programme.currency)
        for i, arms in enumerate(case.readable)
    ]
    return sorted(rows, key=lambda row: not row.of_segment)


def stop(case: Case) -> Recommendation | None:
    """Proven to bring less than it costs, or less than doing nothing."""
    for row in _rows(case):
        if not row.judged.worse[row.at]:
            continue
        value, lower, upper = row.limits
        people = row.arms.people * row.per_week
        what = "it costs more than it brings" if row.costed else "fewer convert than without it"
        variant = "" if row.of_segment else f" of variant {row.arms.arm!r}"
        risk = _risk(case, row, people, chosen=False)
        return case.says(
            Action.STOP,
            "stop",
            f"{what}: {row.figure.number} ({row.figure.interval}){variant}",
            f"What it changes{variant}: {row.figure.words}{_bar(row)}, {row.family};"
            f" {_counts(row.arms)}.",
            label=row.arms.label,
            figure=row.figure,
            gain=case.amount(-value * people, -upper * people, -lower * people),
            risk=risk,
            wrong=f"If it works after all, {risk.size} are expected to be lost.",
            changed=(_archived(case.facts.segment),) if row.of_segment else (),
            worth=abs(value) * people,
            **row.cost(-row.arms.people),
        )
    return None


def scale(case: Case) -> Recommendation | None:
    """Proven to bring more than it costs: reach the people who are still held out, too."""
    for row in _rows(case):
        if not row.judged.better[row.at]:
            continue
        value, lower, upper = row.limits
        more = row.arms.control_people * row.per_week
        all_of = (row.arms.people + row.arms.control_people) * row.per_week
        risk = _risk(case, row, more, chosen=True)
        rest = f"the {row.arms.control_people:,} people who go without"
        who = f"{rest} too" if row.of_segment else f"{rest} variant {row.arms.arm!r}"
        return case.says(
            Action.SCALE,
            "scale",
            f"{row.figure.number} conversions ({row.figure.interval})"
            + ("" if row.of_segment else f", variant {row.arms.arm!r}"),
            f"What it changes: {row.figure.words}{_bar(row)}, {row.family};"
            f" {_counts(row.arms)}. Reach {who}.",
            label=row.arms.label,
            figure=row.figure,
            gain=case.amount(value * more, lower * more, upper * more),
            risk=risk,
            wrong=f"If it does not work after all, {risk.size} are expected to be lost.",
            changed=_scaled(case.facts.segment, row.arms) if row.of_segment else (),
            worth=value * all_of,
            **row.cost(row.arms.control_people),
        )
    return None


def keep(case: Case) -> Recommendation | None:
    """Nothing says it differs from a programme that works."""
    for row in _rows(case):
        if not row.of_segment or not row.judged.programme_works:
            continue
        if row.costed and not row.judged.programme_pays:
            continue
        value, lower, upper = row.limits
        if not lower > 0:
            continue
        scale = row.arms.people * row.per_week
        risk = _risk(case, row, scale, chosen=True)
        programme = row.judged.programme
        assert programme is not None  # noqa: S101  a programme that works has a figure
        whole = Figure(programme, "times", "ratio of rates", row.arms.label)
        return case.says(
            Action.KEEP,
            "keep",
            f"the programme works ({whole.number}, {whole.interval}), and it with it",
            f"All segments together: {whole.words}. Too few people are in this one to prove it"
            f" alone, and with what the others show it comes to {row.figure.words}.",
            label=row.arms.label,
            figure=row.figure,
            gain=case.amount(value * scale, lower * scale, upper * scale),
            risk=risk,
            wrong=f"If it does not work here, {risk.size} are expected to be lost.",
            worth=value * scale,
        )
    return None


def running(case: Case) -> Recommendation | None:
    """A randomised comparison runs, and can't tell yet."""
    for arms in case.facts.arms:
        if arms.early:
            return case.says(
                Action.NOTHING_YET,
                "early",
                f"{arms.experiment!r} still runs: {arms.early}",
                f"{arms.experiment!r} still runs: {arms.early}. A verdict read before would be"
                " wrong too often.",
                label=arms.label,
                takes="Its planned end.",
                worth=case.weekly_conversions,
            )
    rows = [row for row in _rows(case) if row.of_segment]
    if not rows:
        return None
    arms = rows[0].arms
    takes = "More weeks of the same holdout."
    if case.design is not None:
        takes = f"{case.design.people:,} people in both groups; there are {case.design.has:,} now"
        takes += f", so about {case.design.weeks} weeks." if case.design.weeks else "."
    return case.says(
        Action.NOTHING_YET,
        "running",
        f"a holdout runs, and can't tell yet ({_counts(arms)})",
        f"Chance alone could have made what is seen: {_counts(arms)}.",
        label=arms.label,
        figure=arms.figure,
        takes=takes,
        worth=case.weekly_conversions,
    )


def _risk(case: Case, row: _Row, scale: float, *, chosen: bool) -> Amount:
    view = row.judged.view
    loss = (view.loss_if_chosen if chosen else view.loss_if_not)[row.at]
    return case.amount(float(loss) * scale)


def _bar(row: _Row) -> str:
    if not row.costed:
        return ""
    return f" (it pays from {row.judged.break_even[row.at] * 100:.2f} points on)"


def _counts(arms: Arms) -> str:
    return (
        f"{arms.converted:,} of {arms.people:,} against {arms.control_converted:,} of"
        f" {arms.control_people:,}"
    )


def _archived(segment: Segment) -> Segment:
    return segment.model_copy(update={"status": "archived"})


def _scaled(segment: Segment, arms: Arms) -> tuple[Segment, ...]:
    """Live, and with a budget that reaches those held out at the same cost a person."""
    update: dict[str, object] = {} if segment.status == "live" else {"status": "live"}
    if segment.budget is not None and arms.people:
        more = (arms.people + arms.control_people) / arms.people
        update["budget"] = Decimal(round(float(segment.budget) * more))
    return (segment.model_copy(update=update),) if update else ()
