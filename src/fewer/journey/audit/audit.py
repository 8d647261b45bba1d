"""The audit: an inventory of engagement points, what the checks found, and how far to trust each.

audit = run(context)
audit.worst, [finding.title for finding in audit.findings], audit.to_json()
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from fewer.journey.audit.base import (
    SEVERITIES,
    AuditContext,
    Check,
    Finding,
    Severity,
    installed_checks,
)
from fewer.journey.audit.inventory import Inventory, take
from fewer.journey.audit.survey import Survey
from fewer.model.base import Frozen
from fewer.model.window import from_utc_micros
from fewer.pictures.display import Displayed

Verdict = Literal["good", "limited", "low"]
FORMAT: Final = 1
HELD: Final = 20_000_000  # events; more are read from their files in each pass


class CheckResult(Frozen):
    """That a check ran, and how much it found."""

    code: str
    name: str
    question: str
    findings: int
    ignored: bool = False


class Reason(Frozen):
    """A finding that lowers trust."""

    code: str
    title: str


class Trust(Frozen):
    """How far to rely on one engagement point."""

    event: str
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()


class Audit(Displayed, Frozen):
    """The whole result; identifiers of people are nowhere in it."""

    format_version: Literal[1] = FORMAT
    project: str
    data: Literal["real", "simulated"]
    as_of: str  # ISO, UTC
    timezone: str
    currency: str | None
    inventory: Inventory
    findings: tuple[Finding, ...]  # worst first
    checks: tuple[CheckResult, ...]
    trust: tuple[Trust, ...]

    @property
    def worst(self) -> Severity | None:
        """Severity of the worst finding; None without any."""
        return self.findings[0].severity if self.findings else None

    def count(self, severity: Severity) -> int:
        """Findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def to_json(self) -> str:
        """The audit as a JSON object; `format_version` 1 only ever gains keys."""
        return self.model_dump_json(indent=2)


def run(context: AuditContext, *, checks: Sequence[Check] | None = None) -> Audit:
    """Audit a project with the given checks, or all that are installed.

    Checks whose code is in `context.ignore` are listed as ignored and not run.
    """
    if sum(context.catalog.events.values()) <= HELD:
        context.engine.hold("events")
    survey = Survey(context)
    found: list[Finding] = []
    results = []
    for check in installed_checks() if checks is None else checks:
        ignored = check.code in context.ignore
        mine = [] if ignored else list(check.run(survey))
        found += mine
        results.append(
            CheckResult(
                code=check.code,
                name=check.name,
                question=check.question,
                findings=len(mine),
                ignored=ignored,
            )
        )
    found.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))
    return Audit(
        project=context.project,
        data=context.data,
        as_of=from_utc_micros(context.as_of_us).isoformat().replace("+00:00", "Z"),
        timezone=context.timezone,
        currency=context.currency,
        inventory=take(survey),
        findings=tuple(found),
        checks=tuple(results),
        trust=tuple(trust(survey.events, found)),
    )


def trust(events: Iterable[str], findings: Iterable[Finding]) -> list[Trust]:
    """Verdict for each event: an error makes it low, a warning limited, anything else good."""
    about: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        for event in finding.events:
            if finding.severity != "info":
                about[event].append(finding)
    return [
        Trust(
            event=event,
            verdict=_verdict(about[event]),
            reasons=tuple(Reason(code=f.code, title=f.title) for f in about[event]),
        )
        for event in events
    ]


def _verdict(findings: Sequence[Finding]) -> Verdict:
    if any(finding.severity == "error" for finding in findings):
        return "low"
    return "limited" if findings else "good"
