"""Starting a project: an empty one, one drafted from a file, or a worked example."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fewer.errors import NotFoundError, Problem, SettingsError
from fewer.project.folder import SETTINGS, STORE, TRUTH

EXAMPLES: Final = ("grocer", "shop", "retailer")
_SIMULATED: Final = ("shop",)  # data is made when the example is, never shipped
_NOT_COPIED: Final = shutil.ignore_patterns(STORE, "__pycache__", "report.html", "exports")

_SETTINGS_TEXT: Final = """\
# A fewer project. Guide: docs/mapping.md
version: 1
name: {name}
timezone: UTC            # local days, calendar windows and dates without offset
# currency: EUR
# exclude: [recent_buyers]   # segments to leave out of every other segment
# consent: {{purpose: ads}}  # exports keep only people who granted this

sources: {sources}
"""

_SOURCES_TEXT: Final = """\
[]
# Each source maps a file's columns. `fewer init --from FILE` drafts one from a file:
#  - id: orders
#    files: data/orders*.csv
#    events:
#      - event: purchase
#        person: customer_id
#        ts: {column: ordered_at, zone: UTC}
#        properties: {item_id: sku, value: {column: amount, type: number}}\
"""

_SEGMENTS_TEXT: Final = """\
# Segments. Guide: docs/segments.md
segments: []
# - id: bought_last_30_days
#   name: Bought in the last 30 days
#   type: engagement
#   where: {did: purchase, within: 30d}
"""

_GOALS_TEXT: Final = """\
# What counts as success, for measuring.
goals: []
# - id: order
#   did: purchase
#   outcome_window: 7d
"""


@dataclass(frozen=True, slots=True)
class Started:
    """What was made, and what to do next."""

    files: tuple[Path, ...]
    next: str


def fresh(folder: Path, files: Sequence[Path] = ()) -> Started:
    """An empty project in `folder`; with `files`, with a mapping drafted from each.

    Raises `SettingsError` when the folder already is a project: nothing is overwritten.
    """
    _refuse_project(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = _SETTINGS_TEXT.format(
        name=_quoted(folder.resolve().name), sources=_sources(folder, files)
    )
    texts = {
        SETTINGS: settings,
        "segments/segments.yaml": _SEGMENTS_TEXT,
        "goals.yaml": _GOALS_TEXT,
        ".gitignore": f"{STORE}/\nexports/\nreport.html\n",
    }
    made = []
    for name, text in texts.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            made.append(path)
    step = "look through fewer.yaml, then" if files else "map your files in fewer.yaml, then"
    return Started(tuple(made), f"{step} run `fewer ingest`.")


def example(
    folder: Path, name: str, *, events: int = 0, people: int = 0, seed: int | None = None
) -> Started:
    """A copy of a worked example in `folder`, with its data.

    `events`, `people` and `seed` are those of a simulated example, in place of its own. What was
    planted in it is written to ``truth.json`` beside ``fewer.yaml``, outside of its data.

    Raises `SettingsError` for a project that exists and for sizes that can't be simulated.
    """
    _refuse_project(folder)
    if name in _SIMULATED:
        _check_sizes(events, people)
    home = examples_home() / name
    if name not in EXAMPLES or not home.is_dir():
        raise NotFoundError("example", name, EXAMPLES)
    shutil.copytree(home, folder, dirs_exist_ok=True, ignore=_NOT_COPIED)
    moment = "end"
    if name in _SIMULATED:
        from fewer.data.simulate.shop import simulate

        known = simulate(
            folder / "data", truth=folder / TRUTH, events=events, people=people, seed=seed
        )
        moment = f"{known.launch:%Y-%m-%dT%H:%MZ}"  # later ones leave campaigns without outcomes
    made = tuple(sorted(p for p in folder.rglob("*.yaml") if STORE not in p.parts))
    return Started(made, f"fewer run --project {folder} --as-of {moment}")


def _check_sizes(events: int, people: int) -> None:
    from fewer.data.simulate.parameters import MIN_EVENTS, MIN_PEOPLE

    for name, value, least in (("events", events, MIN_EVENTS), ("people", people, MIN_PEOPLE)):
        if value and value < least:
            message = f"--{name} {value}: a shop with fewer than {least:,} has nothing to find."
            hint = f"Ask for {least:,} or more, or leave --{name} out."
            raise SettingsError([Problem("simulation_size", message, hint=hint)])


def examples_home() -> Path:
    """Folder of the worked examples: inside the package when installed, else of the checkout."""
    inside = Path(__file__).parents[1] / "examples"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "examples"


def _refuse_project(folder: Path) -> None:
    if (folder / SETTINGS).exists():
        message = f"{folder / SETTINGS} exists: this already is a project."
        hint = "Choose another folder, or go on with `fewer ingest`."
        raise SettingsError([Problem("project_exists", message, hint=hint)])


def _sources(folder: Path, files: Sequence[Path]) -> str:
    if not files:
        return _SOURCES_TEXT
    from fewer.data.sources.suggest import suggest_mapping

    return "\n" + suggest_mapping(files, base=folder)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def clear_example(folder: Path) -> None:
    """Delete a worked example made earlier; anything that isn't one is left alone."""
    if (folder / SETTINGS).is_file() and (folder / STORE).is_dir():
        shutil.rmtree(folder)
