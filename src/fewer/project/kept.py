"""Answers of earlier commands that the report shows too: counts and words, never people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from fewer.model.window import from_utc_micros
from fewer.project import clock

if TYPE_CHECKING:
    from pathlib import Path

    from fewer.project.project import Project

Kind = Literal["claims", "discovery", "suggestions", "lookback", "recommendations"]

_MOST: Final = 200  # lookbacks of so many segments


def keep(project: Project, kind: Kind, answer: dict[str, Any], name: str = "") -> None:
    """Keep the newest answer of its kind (and name); where nothing can be written, nothing is."""
    path = _path(project, kind)
    known = _read(path)
    known.pop(name, None)
    known[name] = {
        "at": from_utc_micros(clock.now_us()).isoformat(timespec="minutes"),
        "generation": project.generation.number,
        "answer": answer,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        rows = dict(list(known.items())[-_MOST:])
        beside.write_text(json.dumps(rows, allow_nan=False), encoding="utf-8")
        beside.replace(path)
    except (OSError, ValueError):
        return


def kept(project: Project, kind: Kind) -> list[dict[str, Any]]:
    """Answers kept, by name: when (`at`), whether new data came since (`stale`), the `answer`."""
    now = project.generation.number
    return [
        {"at": one["at"], "stale": one["generation"] != now, "answer": one["answer"]}
        for _, one in sorted(_read(_path(project, kind)).items())
    ]


def _path(project: Project, kind: Kind) -> Path:
    return project.store.root / "answers" / f"{kind}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
