"""Registering an experiment: what is to be shown, by which metric, until when, written for good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fewer.data.store import experiments as stored
from fewer.errors import GuardError
from fewer.language.json import canonical, fingerprint
from fewer.language.words import describe
from fewer.model.experiment import BY_UNIT, Experiment
from fewer.model.metric import Metric
from fewer.model.segment import Segment
from fewer.project import clock
from fewer.project.experiments import Registered

if TYPE_CHECKING:
    from fewer.data.store.experiments import Record
    from fewer.model.base import Frozen
    from fewer.project.project import Project

FIXED: Final = (
    "tests", "segments", "arms", "control", "salt", "stratify", "region", "exclusions", "slot",
    "washout",
)  # fmt: skip
"""What can't be changed once people are assigned: it decided who is where."""


def metrics_of(project: Project, experiment: Experiment) -> list[Metric]:
    """Metrics of an experiment, the deciding one first, then guardrails; a goal is its rate."""
    known = {metric.id: metric for metric in project.definitions.metrics}
    names = dict.fromkeys((*experiment.metrics, *experiment.guardrails))
    return [
        known.get(name) or Metric.model_validate({"id": name, "rate": {"goal": name}})
        for name in names
    ]


def body_of(project: Project, experiment: Experiment) -> dict[str, Any]:
    """What a registration holds, as plain data; the same definitions give the same body."""
    metrics = metrics_of(project, experiment)
    goals = [
        project.definitions.goal(g) for g in dict.fromkeys(g for m in metrics for g in m.goals)
    ]
    segments = segments_of(project, experiment)
    return {
        "experiment": _plain(experiment),
        "arms": [_plain(arm) for arm in experiment.groups],
        "control": experiment.compared_with,
        "salt": experiment.mixed_with,
        "margin_percent": (
            None if experiment.margin_percent is None else float(experiment.margin_percent)
        ),
        "metrics": [_plain(metric) for metric in metrics],
        "goals": [_plain(goal) for goal in goals],
        "segments": [
            {"id": s.id, "fingerprint": fingerprint(s), "words": describe(s.where)}
            for s in segments
        ],
        "ends": experiment.ends.text,
        "ends_us": experiment.ends.resolve(project.zone),
        "definitions": fingerprint(
            {
                "segments": {s.id: fingerprint(s) for s in segments},
                "goals": {g.id: fingerprint(g) for g in goals},
                "metrics": {m.id: fingerprint(m) for m in metrics},
            }
        ),
    }


def segments_of(project: Project, experiment: Experiment) -> list[Segment]:
    """Segments in the order of the priority list.

    Those named; without names, all but default exclusions, by `priority`, then as written.
    """
    if experiment.segments:
        return [project.definitions.segment(name) for name in experiment.segments]
    if experiment.tests in (*BY_UNIT, "global_holdout", "elsewhere"):
        return []
    left_out = set(project.settings.exclude)
    left_out.update(x.partition("@")[0] for s in project.definitions.segments for x in s.exclude)
    every = [s for s in project.definitions.segments if s.id not in left_out]
    last = len(every) + max((s.priority or 0 for s in every), default=0)
    return sorted(every, key=lambda s: s.priority if s.priority is not None else last)


def register(project: Project, experiment_id: str, *, change: str = "") -> tuple[Registered, bool]:
    """Write an experiment down for good; whether anything new was written comes second.

    A registration is never edited. With the reason for a `change`, another record is written
    that names the one it replaces.

    Raises:
        GuardError: it is registered otherwise and no reason was given, or people are assigned
            and the change would make another experiment of it.
    """
    experiment = project.definitions.experiment(experiment_id)
    body = body_of(project, experiment)
    records = project.experiments.records(experiment_id)
    before = [r for r in records if r.kind == "plan"]
    now = clock.now_us()
    if not before:
        body["late"] = now >= body["ends_us"]
        return Registered(_write(project, experiment_id, body, now, after=0)), True
    assigned = any(r.kind == "assigned" for r in records)
    changed = differences(before[-1], body)
    if not changed:
        return Registered(before[-1], tuple(before[:-1])), False
    if assigned and (fixed := [key for key in changed if key in FIXED]):
        raise GuardError(
            f"Experiment {experiment_id!r} has people assigned, so its {_and(fixed)} can't change:"
            " it would be another experiment. Give it a new id, or put the file back as"
            f" `fewer experiment show {experiment_id}` shows it."
        )
    if not change:
        raise GuardError(
            f"Experiment {experiment_id!r} is registered (record {before[-1].seq}) with other"
            f" {_and(changed)}. A registration is not edited: say why with --change REASON, and"
            " a new record will name the old one."
        )
    body |= {
        "replaces": before[-1].hash,
        "reason": change,
        "changed": changed,
        "after_assignment": assigned,
        "late": now >= body["ends_us"],
    }
    record = _write(project, experiment_id, body, now, after=records[-1].seq)
    return Registered(record, tuple(before)), True


def differences(record: Record, body: dict[str, Any]) -> list[str]:
    """Names of what a registration and the definitions of now say differently."""
    old = json.loads(json.dumps(dict(record.body)))
    new = json.loads(json.dumps(body))
    found = []
    for key in ("arms", "control", "salt", "metrics", "goals", "segments", "ends"):
        if key == "segments":
            if [s["id"] for s in old[key]] != [s["id"] for s in new[key]]:
                found.append("segments")
            elif old[key] != new[key]:
                found.append("segment definitions")
        elif old[key] != new[key]:
            found.append(key)
    ignored = {"arms", "control", "salt", "metrics", "ends", "segments", "holdout", "windows"}
    keys = (old["experiment"].keys() | new["experiment"].keys()) - ignored
    found += sorted(k for k in keys if old["experiment"].get(k) != new["experiment"].get(k))
    return found


def _write(
    project: Project, experiment: str, body: dict[str, Any], at_us: int, *, after: int
) -> Record:
    return stored.append(project.store, experiment, "plan", body, at_us=at_us, after=after)


def _plain(definition: Frozen) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(canonical(definition))
    return data


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
