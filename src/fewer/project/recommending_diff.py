"""The edits of all verdicts as one unified diff of the project's files, which git applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fewer.errors import DefinitionError
from fewer.journey.measure.recommend.patch import UnwritableError, patched, unified
from fewer.journey.measure.recommend.values import WORTH_SEEING
from fewer.journey.measure.recommend.verdict import Action
from fewer.language.write import to_yaml
from fewer.language.yaml import load
from fewer.model.experiment import Experiment
from fewer.model.window import DAY, from_utc_micros

if TYPE_CHECKING:
    from fewer.journey.measure.recommend.recommend import Verdicts
    from fewer.journey.measure.recommend.verdict import Recommendation
    from fewer.model.segment import Segment
    from fewer.project.project import Project

_EXPERIMENTS: Final = "experiments.yaml"


@dataclass(frozen=True, slots=True)
class Diff:
    """A unified diff from the project's folder, and the edits that it could not hold."""

    text: str = ""
    by_segment: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)  # segment -> why
    experiment: str = ""  # id of the test that it adds
    tested: int = 0  # segments in it


def diff(project: Project, verdicts: Verdicts, begins_us: int) -> Diff:
    """Every edit of every verdict, file by file; each was read again and says what it should."""
    texts = {
        path.relative_to(project.folder.root).as_posix(): path.read_bytes().decode("utf-8")
        for path in (*project.folder.segments, *project.folder.experiments)
    }
    now, single, left = dict(texts), {}, {}
    for one in verdicts.recommendations:
        file = project.definitions.place(one.segment).file
        if not (one.changed or one.added) or file not in texts:
            continue
        before = project.definitions.segment(one.segment)
        try:
            alone = _edited(texts[file], one, before, file)
            now[file] = _edited(now[file], one, before, file)
            single[one.segment] = unified(file, texts[file], alone)
        except UnwritableError as error:
            left[one.segment] = f"{error}: edit it by hand"
    tests = [one for one in verdicts.recommendations if one.action is Action.TEST]
    made = _experiment(project, verdicts, tests, begins_us)
    if made is not None:
        try:
            now[_EXPERIMENTS] = _with(texts.get(_EXPERIMENTS, ""), made)
        except UnwritableError as error:
            left |= {one.segment: f"{error}: write the experiment by hand" for one in tests}
            made = None
    text = "".join(unified(file, texts.get(file, ""), now[file]) for file in now)
    return Diff(text, single, left, made.id if made else "", len(tests) if made else 0)


def _edited(text: str, one: Recommendation, before: Segment, file: str) -> str:
    changed = {s.id: (before, s) for s in one.changed if s.id == one.segment}
    return patched(text, changed, {one.segment: one.added}, file=file)


def _experiment(
    project: Project, verdicts: Verdicts, tests: Sequence[Recommendation], begins_us: int
) -> Experiment | None:
    """One holdout over all segments that are to be tested, read together and one by one."""
    weeks = max((one.weeks or 0 for one in tests), default=0)
    if not weeks or not verdicts.programme.goal_id:
        return None
    late = float("inf")
    order = {s.id: late if s.priority is None else s.priority for s in project.definitions.segments}

    def day(us: int) -> str:
        return from_utc_micros(us).astimezone(project.zone).date().isoformat()

    taken = {one.id for one in project.definitions.experiments}
    name = f"holdout_{day(begins_us).replace('-', '_')}"
    while name in taken:
        name += "_"
    body: dict[str, Any] = {
        "id": name,
        "question": "Does reaching these people change how many convert?",
        "tests": "holdout",
        "segments": [one.segment for one in sorted(tests, key=lambda t: order[t.segment])],
        "holdout": max(one.holdout or 0 for one in tests),
        "metrics": [verdicts.programme.goal_id],
        "expect_percent": round((WORTH_SEEING - 1) * 100),
        "ends": day(begins_us + weeks * 7 * DAY),
    }
    return Experiment.model_validate(body)


def _with(text: str, made: Experiment) -> str:
    """The file of experiments with one more at its end."""
    new = to_yaml([made])
    if not text.strip():
        return new
    try:
        value = load(text, file=_EXPERIMENTS).value
    except DefinitionError as error:
        raise UnwritableError(f"{_EXPERIMENTS} can't be read") from error
    if value is not None and (not isinstance(value, list) or text.lstrip()[:1] == "["):
        raise UnwritableError(f"{_EXPERIMENTS} is no plain list")
    return text.rstrip("\n") + "\n\n" + new
