"""Claims answered by an experiment of the project: people put into cells at random."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fewer.errors import GuardError
from fewer.journey.measure.ads import join
from fewer.journey.measure.assignment import experiments
from fewer.journey.measure.claims.check import Ratio
from fewer.journey.measure.claims.result import ClaimResult
from fewer.journey.measure.claims.verdict import Judged, Units, Verdict, judge
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.population import Population
from fewer.journey.measure.randomised import Terms
from fewer.model.claim import PeopleClaim, ReportClaim
from fewer.project import clock
from fewer.project.measuring_experiments import Laboratory
from fewer.stats.margin import Verdict as Kept

if TYPE_CHECKING:
    from fewer.journey.measure.metrics import Both
    from fewer.journey.measure.query import Reader
    from fewer.model.goal import Goal
    from fewer.project.project import Project


def by_programme(
    project: Project,
    reader: Reader,
    claim: PeopleClaim,
    goal: Goal,
    found: ClaimResult,
    *,
    data_end_us: int,
) -> ClaimResult:
    """The result with the verdict of a segmented-against-broad test, where one was run.

    What people who chose themselves show stays in the notes.
    """
    for one in project.experiments.with_people():
        if one.experiment.tests != "programme":
            continue
        try:
            at = landmark(goal, index_us=one.at_us, data_end_us=data_end_us)
        except GuardError:
            continue  # its outcomes can't be known yet
        everyone = Population(one.registered.id, claim.title, one.everyone)
        outcomes = reader.outcomes(goal, at, reader.everyone(one.at_us))
        for row in experiments([everyone], [outcomes], [one.assignment]):
            seen = row.comparisons[0] if row.comparisons else None
            if seen is None or seen.ratio is None:
                continue
            ratio = Ratio(seen.ratio.estimate, "times", seen.ratio.unit, seen.ratio.label)
            judged = judge(claim.says, ratio, Units("people", len(one.everyone)))
            raw = found.ratio.words if found.ratio else "nothing"
            return replace(
                found,
                verdict=judged.verdict,
                because=f"{judged.because} (experiment {one.registered.id})",
                needed=judged.needed,
                label=ratio.label,
                group=None,
                against=None,
                ratio=ratio,
                naive=None,
                adjusted=None,
                control=None,
                sensitivity=None,
                further=(f"Without the experiment the data shows {raw}.",),
                notes=tuple(note for note in (at.note, *row.notes) if note),
                test="",
            )
    return found


def by_exclusions(
    project: Project,
    reader: Reader,
    claim: ReportClaim,
    found: ClaimResult,
    *,
    data_end_us: int,
) -> ClaimResult:
    """The result of a test of exclusions on against off, for a claim about the price of a click.

    Cheaper clicks alone are no gain: that no more conversions are lost than was agreed has to hold
    as well. What the platform's rows show of people it chose itself stays in the sentences.
    """
    if claim.reports != "cpc":
        return found
    days = reader.ad_days()
    known = {segment.id for segment in project.definitions.segments}
    laboratory = Laboratory(
        reader=reader,
        now_us=clock.now_us(),
        data_end_us=data_end_us,
        terms=Terms(),
        days=join(days, project.settings.ads.names, known).days if days else (),
        title=lambda name: project.definitions.segment(name).title,
    )
    for one in project.experiments.with_people():
        if one.experiment.tests != "exclusions":
            continue
        try:
            read = laboratory.read(one)
        except GuardError:
            continue  # its outcomes can't be known yet
        if read.claim is None:
            continue
        return _both_halves(
            claim,
            found,
            read.claim,
            one.registered.id,
            len({day.day for day in laboratory.days}),
            over=read.over,
        )
    return found


def _both_halves(
    claim: ReportClaim, found: ClaimResult, both: Both, name: str, days: int, *, over: bool
) -> ClaimResult:
    price = both.cheaper.ratio
    judged = Judged(Verdict.CANNOT_TELL, "no clicks were reported for its two variants",
                    "ad reports that name the variant of each row")  # fmt: skip
    if price is not None:
        judged = judge(claim.says, price, Units("days", days))
        if judged.verdict is Verdict.SUPPORTED:
            judged = _with_conversions(judged, both)
    if not over:
        judged = Judged(Verdict.CANNOT_TELL, f"it goes on: {judged.because}", "its planned end")
    raw = found.ratio.words if found.ratio else "nothing"
    return replace(
        found,
        verdict=judged.verdict,
        because=f"{judged.because} (experiment {name})",
        needed=judged.needed,
        label=max(both.kept.label, both.cheaper.label, key=lambda label: label.rank),
        group=None,
        against=None,
        ratio=price,
        design=(
            ("compared", "exclusions on, with exclusions off: people put into one at random"),
            ("clicks", "spend by clicks of the ad reports of each variant"),
            ("conversions", f"no more than {both.margin:.0%} may be lost"),
        ),
        further=(
            both.kept.sentence,
            both.cheaper.sentence,
            f"Without the experiment ad reports show {raw}.",
        ),
        test="",
    )


def _with_conversions(judged: Judged, both: Both) -> Judged:
    """Clicks are cheaper as claimed: what that cost in conversions decides."""
    lost = f"more than {both.margin:.0%} of conversions"
    match both.halves[1]:
        case Kept.WITHIN:
            return replace(judged, because=f"{judged.because}, and not {lost} were lost")
        case Kept.BEYOND:
            because = f"{judged.because}, but {lost} were lost"
            return Judged(Verdict.CONTRADICTED, because)
        case _:
            because = f"{judged.because}, but that {lost} were lost can't be ruled out"
            needed = "more people in the experiment, or a longer one"
            return Judged(Verdict.CANNOT_TELL, because, needed)
