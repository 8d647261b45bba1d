"""Designing an experiment: what it can show with the people there are and those who join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from fewer.errors import GuardError, NotFoundError
from fewer.journey.measure.design.detect import (
    Row,
    Terms,
    curve_by_share,
    curve_by_week,
    rows,
    share_needed,
    signed,
)
from fewer.journey.measure.design.group import Group, together
from fewer.journey.measure.design.media import Line, Prices, advised, line
from fewer.journey.measure.design.platforms import LEARNING, Learning
from fewer.model.experiment import BY_UNIT, Arm, Experiment
from fewer.model.metric import Metric
from fewer.model.segment import Segment
from fewer.model.window import DAY, WEEK, from_utc_micros
from fewer.project.assigning import held_out_of_all
from fewer.project.designing_metrics import MetricPlan, hardest, of_ads, of_people
from fewer.project.knowing import Knowing
from fewer.project.observing import Seen, by_week, everyone_by_week, seen
from fewer.project.registering import metrics_of, segments_of
from fewer.project.traffic import Traffic, traffic
from fewer.stats.allocation import per_comparison

if TYPE_CHECKING:
    from fewer.project.project import AsOf, Project


@dataclass(frozen=True, slots=True)
class Design:
    """What a planned experiment can show; nothing of it is stored."""

    experiment: Experiment
    metric: Metric
    as_of: str
    terms: Terms
    rows: tuple[Row, ...]
    share: float | None  # smallest to hold out in the programme
    weeks_seen: int
    notes: tuple[str, ...]
    metrics: tuple[MetricPlan, ...] = ()  # each by itself, over all people together
    traffic: Traffic | None = None  # where people who join were counted from refreshes

    @property
    def hardest(self) -> MetricPlan | None:
        """The metric that a plan has to go by: it needs the most time."""
        return hardest(self.metrics)

    @property
    def programme(self) -> Row:
        """All people together."""
        return self.rows[-1]

    @property
    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """Smallest change of the programme by share held out, and by weeks."""
        group = self.programme.group
        return {
            "share": curve_by_share(group, self.terms),
            "weeks": curve_by_week(group, self.terms),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "experiment": self.experiment.id,
            "tests": self.experiment.tests,
            "metric": self.metric.id,
            "as_of": self.as_of,
            "change": self.terms.change,
            "chance_wanted": self.terms.wanted,
            "confidence": round(self.terms.confidence, 6),
            "groups": [row.to_json() for row in self.rows],
            "smallest_share_to_hold_out": None if self.share is None else round(self.share, 4),
            "weeks_observed": self.weeks_seen,
            "metrics": [one.to_json() for one in self.metrics],
            "goes_by": self.hardest.metric if self.hardest else None,
            "joining_counted_from": "refreshes" if self.traffic else "past weeks evaluated anew",
            "curves": {
                name: [[round(x, 4), round(y, 6)] for x, y in points]
                for name, points in self.curves.items()
            },
            "notes": list(self.notes),
        }


def draft(
    project: Project,
    *,
    goal: str,
    segments: Sequence[str] = (),
    holdout: float = 20.0,
    change: float | None = None,
    region: str | None = None,
    slot: str | None = None,
    weeks: int = 4,
    as_of: AsOf = "end",
) -> Experiment:
    """An experiment that is not written yet, to try shares, goals, regions and slots out.

    A holdout, unless a `region` or a `slot` is given; those run for so many `weeks` from `as_of`.

    Raises:
        GuardError: both a region and a slot are given, or the slot is no duration.
    """
    known = {m.id for m in project.definitions.metrics} | {g.id for g in project.definitions.goals}
    if goal not in known:
        raise NotFoundError("metric or goal", goal, known)
    if region and slot:
        raise GuardError("Either by region or by time: give --region or --slot.")
    asked: dict[str, Any] = {"id": "draft", "metrics": [goal], "segments": list(segments)}
    if region or slot:
        ends = project.as_of(as_of) + weeks * WEEK + (DAY if slot else 0)
        asked |= {"ends": from_utc_micros(ends).isoformat()}
        asked |= (
            {"tests": "geo", "region": region} if region else {"tests": "switchback", "slot": slot}
        )
    else:
        asked |= {"holdout": holdout, "ends": "9999-12-31"}
    if change is not None:
        asked |= {"expect_percent": change}
    try:
        return Experiment.model_validate(asked)
    except ValueError as error:
        raise GuardError(f"{slot!r} is no length of a slot: write 6h, 1d or 2d.") from error


def design(
    project: Project, experiment: Experiment, *, as_of: AsOf = "end", change: float | None = None
) -> Design:
    """What an experiment can show, per segment, per family and for the programme.

    Args:
        project: The project.
        experiment: Registered or not.
        as_of: Moment at which people are counted; the end of the data when not given.
        change: Percent that is worth seeing, in place of what the experiment expects.

    Raises:
        GuardError: it is not about people of segments, or its first metric can't be planned with.
    """
    if experiment.tests in BY_UNIT:
        raise GuardError(
            f"{experiment.id!r} is drawn by {'region' if experiment.region else 'time'}, not"
            f" by person: `fewer experiment design {experiment.id}` (design_units in Python)."
        )
    metrics = metrics_of(project, experiment)
    metric = next((one for one in metrics if one.goals), None) or _instead(project, metrics[0])
    segments = segments_of(project, experiment)
    if experiment.tests == "global_holdout":
        segments = segments_of(project, experiment.model_copy(update={"tests": "holdout"}))
    if not segments:
        raise GuardError(
            f"{experiment.id!r} names no segments, so nothing can be said of its people before"
            " they are known. Name them under segments."
        )
    moment = project.as_of(as_of)
    terms = terms_of(project, experiment, metric, change)
    with Knowing(project, moment) as known:
        found = seen(known, metric, segments, also=[one for one in metrics if one.goals])
        never = BitMap()
        if experiment.tests != "global_holdout":
            never = held_out_of_all(project, known.everyone)
        of = _Of(found, experiment, segments, never)
        groups = of.groups()
        plans = _plans(of, metrics, groups, terms)
    held = experiment.compared_with == "held_out" and experiment.tests != "window"
    solved = share_needed(groups[-1], terms) if held else None
    return Design(
        experiment,
        metric,
        from_utc_micros(moment).isoformat(),
        terms,
        tuple(rows(groups, terms)),
        solved,
        found.weeks,
        tuple(_notes(of, terms)),
        plans,
        of.traffic,
    )


def _instead(project: Project, metric: Metric) -> Metric:
    """What people are counted by where every metric reads ad reports: the project's first goal."""
    goals = project.definitions.goals
    if not goals:
        return metric  # refused with its reason
    return Metric.model_validate(
        {"id": goals[0].id, "name": goals[0].title, "rate": {"goal": goals[0].id}}
    )


def _plans(
    of: _Of, metrics: Sequence[Metric], groups: Sequence[Group], terms: Terms
) -> tuple[MetricPlan, ...]:
    """Every metric by itself, over all groups together."""
    plans = []
    for one in metrics:
        watched = one.id in of.experiment.guardrails and one.id not in of.experiment.metrics
        if not one.goals:
            known, shares = of.found.known, groups[-1].shares
            plans.append(of_ads(one, known, of.experiment, terms, shares, guardrail=watched))
            continue
        mine = (
            replace(of, found=of.found.of(one)).groups() if one is not of.found.metric else groups
        )
        single = [group for group in mine if group.level == "segment"]
        plans.append(of_people(one, single, terms, guardrail=watched))
    return tuple(plans)


def terms_of(
    project: Project, experiment: Experiment, metric: Metric, change: float | None
) -> Terms:
    """What is asked of an experiment, by its first metric."""
    expected = experiment.expect_percent
    percent = change if change is not None else float(expected) if expected is not None else 26.0
    if percent == 0:
        raise GuardError("A change of 0 % can't be looked for: say how large one is worth seeing.")
    if not metric.goals:
        raise GuardError(
            f"{metric.id!r} reads ad reports, which name neither people, regions nor slots. Put a"
            " metric of a goal first; figures of ads are read beside it."
        )
    goal = project.definitions.goal(metric.goals[0])
    whole = goal.outcome_window.micros + (goal.gap.micros if goal.gap else 0)
    others = max(len(experiment.groups) - 1, 1) if experiment.tests != "window" else 1
    return Terms(
        percent / 100,
        float(experiment.power_percent) / 100,
        per_comparison(float(experiment.confidence_percent) / 100, others),
        whole / WEEK,
    )


@dataclass(frozen=True)
class _Of:
    """Whom a design is about."""

    found: Seen
    experiment: Experiment
    segments: Sequence[Segment]
    never: BitMap

    @cached_property
    def traffic(self) -> Traffic | None:
        """People who join, from refreshes; None where there are too few, or of windows."""
        if self.experiment.tests == "window":
            return None
        known = self.found.known
        return traffic(known.project, self.segments, known.as_of_us, self.never)

    def groups(self) -> list[Group]:
        """A group for each segment, for each family of two or more, and for the programme."""
        if self.experiment.tests == "window":
            return _bands(self.found, self.experiment, self.segments, self.never)
        shares = _shares(self.experiment)
        titles = {s.id: s.title for s in self.segments}
        people = by_week(self.found, [s.id for s in self.segments], self.never)
        of_all = everyone_by_week(people)
        single = {
            s: _group(self.found, s, titles[s], weeks, of_all, shares)
            for s, weeks in people.items()
        }
        if self.traffic is not None:
            joining = self.traffic.joining
            single = {s: replace(group, entering=joining[s]) for s, group in single.items()}
        families: dict[str, list[Group]] = {}
        for segment in self.segments:
            families.setdefault(segment.type, []).append(single[segment.id])
        made = list(single.values())
        if len(families) > 1:
            made += [
                together(members, f"family:{name}", f"all of type {name}", "family")
                for name, members in families.items()
                if len(members) > 1
            ]
        return [
            *made,
            together(list(single.values()), "programme", "all segments together", "programme"),
        ]


def _group(
    found: Seen,
    name: str,
    title: str,
    weeks: Mapping[int, BitMap],
    of_all: Mapping[int, BitMap],
    shares: tuple[float, float],
) -> Group:
    entering = found.entering(weeks, of_all)
    return Group(name, title, "segment", len(weeks[0]), entering, found.basis(weeks), shares)


def _shares(experiment: Experiment) -> tuple[float, float]:
    """Share of the smallest arm that is compared, and of what it is compared with."""
    by_arm = {arm.id: float(arm.percent) / 100 for arm in experiment.groups}
    against = by_arm.pop(experiment.compared_with)
    return min(by_arm.values()), against


def _bands(
    found: Seen, experiment: Experiment, segments: Sequence[Segment], never: BitMap
) -> list[Group]:
    arms = sorted((a for a in experiment.groups if a.window), key=_length)
    weeks: dict[int, dict[str, BitMap]] = {}
    for week, members in found.members.items():
        shorter = BitMap()
        for arm in arms:
            inside = BitMap()
            for segment in segments:
                name = f"{segment.id}@{arm.window}"
                if name not in members:
                    raise GuardError(
                        f"Segment {segment.id!r} has no variant of {arm.window}. Add it to its"
                        " variants: {lookback: [...]}, and build again."
                    )
                inside |= members[name]
            weeks.setdefault(week, {})[str(arm.window)] = inside - shorter - never
            shorter |= inside
    groups = []
    of_all = everyone_by_week({str(a.window): {w: b[str(a.window)] for w, b in weeks.items()}
                               for a in arms})  # fmt: skip
    for before, arm in pairwise(arms):
        sent = sum(float(a.percent) for a in arms if _length(a) >= _length(arm)) / 100
        title = f"acted more than {before.window} and up to {arm.window} ago"
        band = {week: bands[str(arm.window)] for week, bands in weeks.items()}
        groups.append(_group(found, f"band:{arm.window}", title, band, of_all, (sent, 1 - sent)))
    return [*groups, together(groups, "programme", "both bands together", "programme")]


def _length(arm: Arm) -> int:
    return arm.window.micros if arm.window else 0


def _notes(of: _Of, terms: Terms) -> list[str]:
    found, experiment = of.found, of.experiment
    notes = []
    if len(experiment.groups) > 2 and experiment.tests != "window":  # noqa: PLR2004
        notes.append(
            f"{len(experiment.groups) - 1} arms are compared with {experiment.compared_with}, each"
            f" at {terms.confidence:.1%}, so that all hold together at"
            f" {float(experiment.confidence_percent):g} %."
        )
    if found.metric.id not in experiment.metrics:
        notes.append(
            f"No metric reads a goal: {', '.join(experiment.metrics)} of ads are seen by days, and"
            f" the groups above show {found.metric.title} instead."
        )
    if not found.base_weeks:
        notes.append("The data does not reach back far enough to see what people do unasked.")
    if of.traffic is not None:
        notes.append(of.traffic.words)
    elif found.weeks:
        notes.append(
            f"People who join are counted over the last {found.weeks} weeks, evaluated anew; a wave"
            " of newcomers then need not come again."
        )
    if terms.change < 0:
        notes.append(
            f"Smallest changes are rises; the chance is that of seeing {signed(terms.change)}."
        )
    return notes


def media_plan(
    project: Project,
    planned: Design,
    *,
    learning: Learning | None = None,
    prices: Mapping[str, float],
    platform: str = "meta",
) -> list[Line]:
    """What each segment of a design takes and brings in a week, with advice.

    Prices that are not given are taken from the project's ad reports: of the segment where it
    has enough clicks, else of all of them.

    Raises:
        GuardError: neither given nor reported.
    """
    if learning is None and platform not in LEARNING:
        raise NotFoundError("platform", platform, LEARNING)
    reported = _reported(project)
    currency = project.settings.currency or ""
    lines = []
    for row in planned.rows:
        if row.group.level != "segment":
            continue
        price = _prices(row.group.id, prices, reported, currency)
        sent = round(row.group.people * row.group.shares[0])
        lines.append(line(row.group.id, row.group.title, sent, price, row.weeks))
    return advised(lines, learning or LEARNING[platform])


_NEEDED = ("cpm", "ctr", "conversion_rate")
_FEWEST_CLICKS = 100
_FEWEST_CONVERSIONS = 10
Facts = dict[str, float]


def _reported(project: Project) -> dict[str, tuple[Facts, str]]:
    """Sums of ad reports by segment, ``""`` for all; none where currencies are mixed."""
    with Knowing(project, project.as_of("now")) as known:
        days = known.reader.ad_days()
    if len({day.currency for day in days}) > 1:
        return {}
    found: dict[str, tuple[Facts, str]] = {}
    for day in days:
        for name in {"", day.segment or ""}:
            sums, _ = found.setdefault(name, ({}, day.currency))
            for fact in ("impressions", "clicks", "spend", "conversions"):
                sums[fact] = sums.get(fact, 0.0) + getattr(day, fact)
    return found


def _prices(
    segment: str,
    given: Mapping[str, float],
    reported: Mapping[str, tuple[Facts, str]],
    currency: str,
) -> Prices:
    known: dict[str, float] = {}
    origin = "as given"
    for name, words in ((segment, "its own ad reports"), ("", "all ad reports")):
        sums, money = reported.get(name, ({}, ""))
        clicks, conversions = sums.get("clicks", 0.0), sums.get("conversions", 0.0)
        if clicks >= _FEWEST_CLICKS and conversions >= _FEWEST_CONVERSIONS:
            known = {
                "cpm": sums["spend"] / sums["impressions"] * 1_000,
                "ctr": clicks / sums["impressions"],
                "conversion_rate": conversions / clicks,
            }
            origin, currency = words, money or currency
            break
    if given.keys() & known.keys():
        origin = f"as given, the rest from {origin}"
    together_ = {**known, **given}
    missing = [name for name in _NEEDED if name not in together_]
    if missing:
        options = " ".join(f"--{name.replace('_', '-')} N" for name in missing)
        raise GuardError(
            f"Nothing is known of {', '.join(missing)}: there are no ad reports with"
            f" {_FEWEST_CLICKS} clicks and {_FEWEST_CONVERSIONS} conversions. Give {options}."
        )
    return Prices(**together_, currency=currency, origin=origin)
