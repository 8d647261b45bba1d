"""What came of a claim: figures, verdict and reasons, as values and as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fewer.journey.measure.claims.leak import Leak
from fewer.journey.measure.claims.verdict import Verdict
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import Figure
from fewer.journey.measure.table import FORMAT_VERSION, WATERMARK, Data
from fewer.pictures.display import Displayed
from fewer.stats.sensitivity import Sensitivity


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two groups. `looked` counts a person once for each index time."""

    words: str
    people: int
    looked: int
    converted: int
    rate: Figure | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "words": self.words,
            "people": self.people,
            "people_and_index_times": self.looked,
            "converted": self.converted,
            "rate": self.rate.to_json() if self.rate else None,
        }


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """One claim, checked."""

    id: str
    title: str
    size: str  # "2.4x"
    headline: bool
    verdict: Verdict
    because: str
    label: EvidenceLabel
    needed: str = ""
    group: Side | None = None
    against: Side | None = None
    ratio: Figure | None = None
    naive: Figure | None = None  # outcomes of the same time as the actions: why not, in `further`
    adjusted: Figure | None = None
    control: Figure | None = None
    sensitivity: Sensitivity | None = None
    leaks: tuple[Leak, ...] = ()
    design: tuple[tuple[str, str], ...] = ()  # (what, in words)
    further: tuple[str, ...] = ()  # sentences: adjustment, control, sensitivity
    notes: tuple[str, ...] = ()
    test: str = ""

    def __post_init__(self) -> None:
        """No sentence says more than its evidence."""
        for text in (self.title, self.because, self.needed, *self.further, *self.notes):
            check_words(text, self.label)

    def to_json(self) -> dict[str, Any]:
        """Plain values, with units and labels on every figure."""

        def plain(part: Figure | Side | None) -> dict[str, Any] | None:
            return part.to_json() if part else None

        seen = self.sensitivity
        return {
            "id": self.id,
            "title": self.title,
            "claimed": self.size,
            "headline": self.headline,
            "verdict": self.verdict.value,
            "because": self.because,
            "needed": self.needed or None,
            "label": self.label.value,
            "may_say_lift": self.label.may_say_lift,
            "group": plain(self.group),
            "against": plain(self.against),
            "ratio": plain(self.ratio),
            "naive": plain(self.naive),
            "adjusted_for_prior_activity": plain(self.adjusted),
            "negative_control": plain(self.control),
            "e_value": {"ratio": seen.value, "limit": seen.limit} if seen else None,
            "part_of_converting": [leak.to_json() for leak in self.leaks],
            "design": dict(self.design),
            "further": list(self.further),
            "notes": list(self.notes),
            "test_it": self.test or None,
        }


@dataclass(frozen=True, slots=True)
class ClaimTable(Displayed):
    """All claims that were asked for."""

    claims: tuple[ClaimResult, ...]
    data: Data

    @property
    def all_refused(self) -> bool:
        """Whether no claim could be checked, as groups are made of parts of converting."""
        return all(claim.verdict is Verdict.REFUSED for claim in self.claims)

    def claim(self, claim_id: str) -> ClaimResult:
        """The claim of that id; KeyError without one."""
        return {claim.id: claim for claim in self.claims}[claim_id]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "format_version": FORMAT_VERSION,
            "data": self.data,
            "watermark": WATERMARK[self.data],
            "claims": [claim.to_json() for claim in self.claims],
        }
