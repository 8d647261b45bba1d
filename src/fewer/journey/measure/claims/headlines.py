"""The five headline claims about small, action-based segments, as templates for a project."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final

from fewer.model.claim import AtRisk, Claim, IndexTimes, PeopleClaim, ReportClaim, Says
from fewer.model.condition import ANY_EVENT, AllOf, AnyOf, Did, InSegment
from fewer.model.goal import Goal
from fewer.model.measure import Comparison
from fewer.model.segment import Segment, SizeGuard
from fewer.model.window import Duration

CONVERSION: Final = "conversion_26"
CAC: Final = "cac_30"
INTERACTIONS: Final = "three_interactions"
CTR: Final = "ctr_20"
CPC: Final = "cpc_10_18"
HEADLINES: Final = (CONVERSION, CAC, INTERACTIONS, CTR, CPC)

TITLES: Final[Mapping[str, str]] = {
    CONVERSION: "Small segments convert 26 % more often than a broad audience",
    CAC: "Small segments cost up to 30 % less for each customer",
    INTERACTIONS: "Three or more interactions in a week convert 2.4x as often as one",
    CTR: "Ads for a category people looked at are clicked up to 20 % more often",
    CPC: "Leaving out people of low intent makes clicks 10-18 % cheaper",
}

_WEEK: Final = Duration(7, "d")
_ACTIVE: Final = Duration(90, "d")
_GAP: Final = Duration(1, "d")
_FOUR_WEEKS: Final = Duration(28, "d")


def report_claims(segments: Sequence[Segment]) -> tuple[ReportClaim, ...]:
    """The three claims that ad reports answer: cost a customer, clicks, cost a click."""
    interest = tuple(s.id for s in segments if s.type == "interest")
    return (
        ReportClaim(id=CAC, name=TITLES[CAC], reports="cpa", says=Says(up_to=Decimal("0.7"))),
        ReportClaim(id=CTR, name=TITLES[CTR], reports="ctr", segments=interest,
                    says=Says(up_to=Decimal("1.2"))),
        ReportClaim(id=CPC, name=TITLES[CPC], reports="cpc",
                    says=Says(between=(Decimal("0.82"), Decimal("0.9")))),
    )  # fmt: skip


def conversion_claim(goal: Goal, segments: Collection[Segment], at_risk: AtRisk) -> PeopleClaim:
    """Members of each segment against everyone who was active in the last 90 days.

    A segment counts where it is small: within the widest of their size guards.
    """
    guards = [segment.size for segment in segments]
    return PeopleClaim(
        id=CONVERSION,
        name=TITLES[CONVERSION],
        population=Did(did=(ANY_EVENT,), within=_ACTIVE),
        index=IndexTimes(every=_FOUR_WEEKS),  # all segments at each: half a year in a few looks
        group=AnyOf(any=tuple(InSegment(in_segment=s.id) for s in segments)),
        each=True,
        size=SizeGuard(min=min(g.min for g in guards), max=max(g.max for g in guards)),
        against=AllOf(all=()),
        gap=goal.gap or _GAP,
        outcome=goal.id,
        at_risk=at_risk,
        says=Says(ratio=Decimal("1.26")),
    )


def interactions_claim(goal: Goal, events: Collection[str], at_risk: AtRisk) -> PeopleClaim:
    """Three or more interactions within a week against exactly one."""

    def many(**bounds: int) -> Did:
        count = Comparison.model_validate(bounds)
        return Did(did=tuple(sorted(events)), within=_WEEK, count=count)

    return PeopleClaim(
        id=INTERACTIONS,
        name=TITLES[INTERACTIONS],
        group=many(at_least=3),
        against=many(exactly=1),
        gap=goal.gap or _GAP,
        outcome=goal.id,
        at_risk=at_risk,
        says=Says(ratio=Decimal("2.4")),
    )


def in_order(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Headlines first, in their own order, then the project's claims in theirs."""
    place = {name: n for n, name in enumerate(HEADLINES)}
    return tuple(sorted(claims, key=lambda claim: place.get(claim.id, len(place))))
