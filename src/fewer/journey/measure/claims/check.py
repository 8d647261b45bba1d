"""A claim against its data: the panel or the ad reports of it, figures, verdict and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from fewer.journey.measure.claims.leak import Leak
from fewer.journey.measure.claims.naive import Mixed, naive_words, span
from fewer.journey.measure.claims.panel import Panel, Windows
from fewer.journey.measure.claims.result import ClaimResult, Side
from fewer.journey.measure.claims.times import Times
from fewer.journey.measure.claims.verdict import (
    Units,
    Verdict,
    judge,
    more_than_activity,
    size_words,
    was_there_before,
)
from fewer.journey.measure.cost import CostTable
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure, times
from fewer.model.claim import PeopleClaim, ReportClaim
from fewer.model.window import from_utc_micros
from fewer.stats.cluster import LEAST_CONVERTED
from fewer.stats.estimate import Estimate, State
from fewer.stats.sensitivity import Sensitivity, sensitivity

RAW: Final = EvidenceLabel.RAW_ASSOCIATION
POOL: Final = "all segments together"
_TEN: Final = 10
_UNIT: Final = "rate over that of the comparison"

_NAIVE: Final = "outcomes of the same time as the actions: not to be used"
_ADJUSTED: Final = "Mantel-Haenszel, clustered by person"
_FEW: Final = f"fewer than {LEAST_CONVERTED} people converted in one of the groups"
_TEST: Final = (
    "These people chose themselves, so this says nothing about what a campaign would change."
    " Test it: hold out 20 % of the group at random and compare (docs/experiments.md)."
)


class Ratio(Figure):
    """A ratio with two decimals, as people compare it with another one."""

    @property
    def _decimals(self) -> int | None:
        value = self.estimate.value
        return 2 if value is not None and value < _TEN else None


@dataclass(frozen=True, slots=True)
class Told:
    """A claim in words: who is compared, and what counts."""

    group: str
    against: str
    population: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Naive:
    """The same groups with outcomes of the same time, and what mixes the two there."""

    panel: Panel
    mixed: Mixed


def check_people(
    claim: PeopleClaim,
    seen: Panel,
    windows: Windows,
    at: Times,
    told: Told,
    zone: ZoneInfo,
    *,
    leaks: Sequence[Leak] = (),
    naive: Naive | None = None,
    headline: bool = False,
    notes: Sequence[str] = (),
) -> ClaimResult:
    """The verdict on a claim about people."""
    result = ClaimResult(
        id=claim.id,
        title=claim.title,
        size=size_words(claim.says),
        headline=headline,
        verdict=Verdict.CANNOT_TELL,
        because="",
        label=RAW,
        leaks=tuple(leaks),
        design=_design(claim, windows, at, told, zone),
        notes=tuple(note for note in (at.note, *notes) if note),
    )
    if leaks:
        names = ", ".join(f"{leak.event} ({leak.why})" for leak in leaks)
        because = f"groups are made of actions that are part of converting: {names}"
        needed = "groups without them, or a claim about another outcome"
        return replace(result, verdict=Verdict.REFUSED, because=because, needed=needed)
    if not at.index_us:
        needed = f"data over a lookback, a gap and an outcome window: {span(_whole(windows))}"
        return replace(result, because="the data has no index time with a known outcome",
                       needed=needed)  # fmt: skip
    if claim.size is not None and not seen.first.any():
        because = f"at no index time a group has {claim.size.min:,}-{claim.size.max:,} people"
        return replace(result, because=because, needed="groups of that size, or another 'size'")
    found = _checked(result, claim, seen, len(at.index_us), told)
    if naive is None or found.ratio is None or found.ratio.estimate.value is None:
        return found
    quoted = Ratio(_plain(naive.panel.ratio()), "times", _UNIT, RAW, _NAIVE)
    words = naive_words(quoted, found.ratio, windows.lookback_us, naive.mixed)
    return replace(found, naive=quoted, further=(words, *found.further))


def _checked(
    result: ClaimResult, claim: PeopleClaim, seen: Panel, index_times: int, told: Told
) -> ClaimResult:
    unit = "of people and index times"
    ratio = Ratio(_plain(seen.ratio()), "times", _UNIT, RAW)
    within = replace(_plain(seen.adjusted()), method=_ADJUSTED)
    adjusted = Ratio(within, "times", _UNIT, EvidenceLabel.ADJUSTED_ASSOCIATION)
    control = None
    if seen.controlled.any():
        control = Ratio(_plain(seen.control()), "times", _UNIT, RAW)
    sides = []
    for first, words in ((True, told.group), (False, told.against)):
        looked, converted = seen.counts(first=first)
        rate = Figure(_plain(seen.rate(first=first)), "share", unit, RAW)
        sides.append(Side(words, seen.people(first=first), looked, converted, rate))
    people = len(set(seen.person.tolist()))
    over = f"over the same {index_times} index times" if index_times > 1 else ""
    judged = judge(claim.says, ratio, Units("people", people, over))
    strength = sensitivity(ratio.estimate)
    further = []
    if ratio.estimate.value is not None:
        further = [more_than_activity(adjusted, ratio)]
        further += [was_there_before(control)] if control else [_NO_CONTROL[claim.at_risk]]
        further += [_unseen(strength)] if strength else []
    return replace(
        result,
        verdict=judged.verdict,
        because=judged.because + _left(judged.verdict, adjusted),
        needed=judged.needed,
        group=sides[0],
        against=sides[1],
        ratio=ratio,
        adjusted=adjusted,
        control=control,
        sensitivity=strength,
        further=tuple(further),
        test=_TEST,
    )


def _left(verdict: Verdict, adjusted: Figure) -> str:
    """What has to be said in the same breath as "supported"."""
    e = adjusted.estimate
    if verdict is not Verdict.SUPPORTED or e.lower is None or e.upper is None:
        return ""
    if e.lower <= 1 <= e.upper:
        return "; of people who were equally active before, this data shows no difference"
    return ""


_NO_CONTROL: Final = {
    "everyone": (
        "There is no check against outcomes before the lookback: groups look at all history, or"
        " the data does not reach back far enough."
    ),
    "not_before": (
        "Nobody here had converted before, so there is no check against outcomes before the"
        " lookback."
    ),
}


def check_reports(
    claim: ReportClaim, costs: CostTable | None, *, headline: bool = False
) -> ClaimResult:
    """The verdict on a claim about ad reports, which are the platform's own counts."""
    result = ClaimResult(
        id=claim.id,
        title=claim.title,
        size=size_words(claim.says),
        headline=headline,
        verdict=Verdict.CANNOT_TELL,
        because="there are no ad reports",
        label=RAW,
        needed="ad reports by day with a segment for each row, and rows of a broad audience",
        design=(
            ("compared", ", ".join(claim.segments) or "all segments with ad reports"),
            ("with", "the broad audience on the same days"),
            ("unit", "segment and day; intervals over days"),
        ),
    )
    if costs is None or not costs.rows:
        return result
    rows = [row for row in costs.rows if row.segment == POOL and row.arm is None]
    compared = [row for row in rows if row.cost(claim.reports).to_broad is not None]
    if not compared:
        because = "ad reports name no segment" if not rows else "no broad audience to compare with"
        return replace(result, because=because)
    row = max(compared, key=lambda one: one.totals["spend"])
    cost = row.cost(claim.reports)
    ratio = cost.to_broad
    assert ratio is not None  # noqa: S101  chosen so above
    judged = judge(claim.says, ratio, Units("days", row.days))
    broad = costs.row("broad", currency=row.currency)
    notes = list(dict.fromkeys([*row.notes, "the platform chose who saw which ad"]))
    if len(compared) > 1:
        notes.append(f"only reports in {row.currency}, the currency with the most spend")
    return replace(
        result,
        verdict=judged.verdict,
        because=judged.because,
        needed=judged.needed,
        group=Side(_segments(claim), 0, row.days, int(row.totals["conversions"]), cost.figure),
        against=Side(
            "the broad audience",
            0,
            broad.days,
            int(broad.totals["conversions"]),
            broad.cost(claim.reports).figure,
        ),
        ratio=ratio,
        notes=tuple(notes),
        test=(
            "The platform chose who saw what. Test it: put people into a segmented and a broad"
            " cell at random (docs/experiments.md)."
        ),
    )


def _segments(claim: ReportClaim) -> str:
    return ", ".join(claim.segments) or "all segments"


def _plain(estimate: Estimate) -> Estimate:
    """The estimate, with the reason for a missing interval in the words of people."""
    if estimate.state is State.NO_INTERVAL and "days or groups" in estimate.why:
        return replace(estimate, why=_FEW)
    return estimate


def _unseen(strength: Sensitivity) -> str:
    told = (
        "To explain it away, something unseen would have to go with both the group and the"
        f" outcome {times(strength.value)}x"
    )
    if strength.limit is None:
        return f"{told}."
    if strength.limit == 1.0:
        return f"{told}; the interval needs nothing at all, as it holds no difference."
    return f"{told}, and {times(strength.limit)}x for the end of the interval (E-values)."


def _design(
    claim: PeopleClaim, windows: Windows, at: Times, told: Told, zone: ZoneInfo
) -> tuple[tuple[str, str], ...]:
    population = told.population
    if claim.population_at is not None:
        population += f" (as at T + {claim.population_at})"
    gap = span(windows.gap_us) if windows.gap_us else "none"
    rows = [
        ("group", told.group),
        ("against", told.against),
        ("population", population),
        ("index times", _times(claim, at, zone)),
        ("lookback", f"{span(windows.lookback_us)} before T"),
        ("gap", gap),
        ("outcome", f"{told.outcome}: counted for {span(windows.outcome_us)}"),
        ("unit", "person and index time; intervals clustered by person"),
    ]
    if claim.size is not None:
        rows.insert(1, ("size of a group", f"{claim.size.min:,}-{claim.size.max:,} people at T"))
    if claim.at_risk == "not_before":
        rows.append(("at risk", "people who had not converted before T"))
    if claim.exclude:
        rows.append(("left out", ", ".join(claim.exclude)))
    return tuple(rows)


def _times(claim: PeopleClaim, at: Times, zone: ZoneInfo) -> str:
    if not at.index_us:
        return "none"
    first, last = (from_utc_micros(t).astimezone(zone) for t in (at.index_us[0], at.index_us[-1]))
    many = len(at.index_us)
    if many == 1:
        return f"one: {first:%Y-%m-%d %H:%M} {zone.key}"
    every = f"every {claim.index.every}"
    return f"{many}: {every}, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} {zone.key}"


def _whole(windows: Windows) -> int:
    return windows.lookback_us + windows.gap_us + windows.outcome_us
