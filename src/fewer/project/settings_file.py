"""Reading ``fewer.yaml``: every mistake at once, each with its place."""

from __future__ import annotations

from pathlib import Path

from fewer.errors import DefinitionError, SettingsError
from fewer.language.yaml import load, validate
from fewer.model.settings import ProjectSettings


def load_settings(path: Path) -> ProjectSettings:
    """The settings in a project file.

    Raises:
        SettingsError: With every problem of the file.
    """
    try:
        settings: ProjectSettings = validate(
            load(path.read_bytes(), file=path.name), ProjectSettings
        )
    except DefinitionError as error:
        raise SettingsError(error.problems) from None
    return settings
