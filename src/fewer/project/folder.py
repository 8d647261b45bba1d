"""A project on disk: where it is, and which files say what.

``fewer.yaml`` marks the folder; ``segments/*.yaml``, ``goals.yaml``, ``metrics.yaml``,
``experiments.yaml`` and ``creatives/*.yaml`` hold definitions; ``.fewer/`` holds the store and is
never committed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fewer.errors import Problem, SettingsError

SETTINGS: Final = "fewer.yaml"
STORE: Final = ".fewer"
CLAIMS: Final = ("claims.yaml", "claims.yml", "claims.json")
TRUTH: Final = "truth.json"  # of a simulated project: what was planted, outside of its data
VARIABLE: Final = "FEWER_PROJECT"
_YAML: Final = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Folder:
    """A project folder."""

    root: Path

    @property
    def settings(self) -> Path:
        """The project file."""
        return self.root / SETTINGS

    @property
    def store(self) -> Path:
        """Folder of the store, the control database and caches."""
        return self.root / STORE

    @property
    def segments(self) -> tuple[Path, ...]:
        """Files with segments, sorted by name."""
        return _definitions(self.root / "segments")

    @property
    def goals(self) -> tuple[Path, ...]:
        """Files with goals."""
        return self._named("goals")

    @property
    def metrics(self) -> tuple[Path, ...]:
        """Files with metrics: ``metrics.yaml``, and those in a folder ``metrics``."""
        return self._named("metrics")

    @property
    def experiments(self) -> tuple[Path, ...]:
        """Files with experiments: ``experiments.yaml``, and those in a folder ``experiments``."""
        return self._named("experiments")

    def _named(self, kind: str) -> tuple[Path, ...]:
        single = [path for ext in _YAML if (path := self.root / f"{kind}{ext}").is_file()]
        return (*single, *_definitions(self.root / kind))

    @property
    def creatives(self) -> tuple[Path, ...]:
        """Files with creatives, sorted by name."""
        return _definitions(self.root / "creatives")


def find(given: Path | None = None) -> Folder:
    """The project folder: `given`, else ``FEWER_PROJECT``, else the nearest parent that is one.

    Raises `SettingsError` that names every place it looked.
    """
    if given is not None:
        return _exactly(given, "--project")
    if VARIABLE in os.environ:
        return _exactly(Path(os.environ[VARIABLE]), VARIABLE)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / SETTINGS).is_file():
            return Folder(folder)
    message = f"No {SETTINGS} in {here} or any folder above it."
    hint = "Run `fewer init` to start a project here, or name one with --project DIR."
    raise SettingsError([Problem("project_not_found", message, hint=hint)])


def _exactly(folder: Path, named_by: str) -> Folder:
    if (folder / SETTINGS).is_file():
        return Folder(folder.resolve())
    message = f"No {SETTINGS} in {folder} (named by {named_by})."
    hint = f"Run `fewer init {folder}` to start a project there."
    raise SettingsError([Problem("project_not_found", message, hint=hint)])


def _definitions(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    found = (path for path in folder.rglob("*") if path.suffix in _YAML and path.is_file())
    return tuple(sorted(found, key=lambda path: path.relative_to(folder).as_posix()))
