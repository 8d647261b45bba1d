"""Experiments as a story tells them: what was written down beforehand, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fewer.project import clock

if TYPE_CHECKING:
    from fewer.project.experiments import Registered
    from fewer.project.measuring import Measured
    from fewer.project.project import Project


def experiments(project: Project, measured: Measured | None) -> list[dict[str, Any]]:
    """Every registered experiment: its question, variants, dates and hash, then what is known."""
    read = {one.id: one for one in measured.experiments} if measured else {}
    found = []
    for one in project.experiments.registered():
        known = read.get(one.id)
        figures = [*known.metrics] if known else []
        found.append(
            {
                "id": one.id,
                "title": one.experiment.title,
                "question": one.experiment.question or "",
                "tests": one.experiment.tests.replace("_", " "),
                "arms": [{"arm": arm, "people": people}
                         for arm, people in project.experiments.sizes(one.id).items()],
                "registered": clock.day_words(one.record.created_us, project.zone),
                "ends": clock.day_words(one.ends_us, project.zone),
                "over": bool(known and known.over),
                "late": bool(one.record.body.get("late")),
                "hash": one.hash,
                "changes": _changes(one),
                "metrics": [{"text": m.sentence, "label": m.label.value} for m in figures],
                "claim": {"text": known.claim.sentence, "label": known.claim.kept.label.value}
                if known and known.claim
                else None,
                "skipped": list(known.skipped) if known else [],
            }
        )  # fmt: skip
    return found


def _changes(one: Registered) -> str:
    """That it replaces an earlier registration, and why."""
    if not one.earlier:
        return ""
    return f"Registered again: {one.record.body.get('reason', 'no reason given')}."
