"""``fewer.yaml``: read, checked, and every mistake in it named with its place."""

from __future__ import annotations

from pathlib import Path

from fewer.errors import DefinitionError, Problem, SettingsError
from fewer.language import yaml
from fewer.model.settings import ProjectSettings


def load_settings(path: Path) -> ProjectSettings:
    """Settings of the project whose file is `path`.

    Raises:
        SettingsError: when it can't be read, or is wrong; all mistakes are named.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}."
        hint = "Start a project with: fewer init"
        raise SettingsError([Problem("no_settings", message, hint=hint)]) from error
    try:
        return yaml.validate(yaml.load(text, file=path.name), ProjectSettings)
    except DefinitionError as error:
        raise SettingsError(error.problems) from None
