"""Secrets by reference: read where the settings point to, never kept, never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from fewer.errors import SettingsError
from fewer.model.destination import Secret

_OTHERS: Final = 0o077


def read_secret(secret: Secret | None, root: Path) -> str:
    """The secret; empty where none is named.

    Args:
        secret: Where it is.
        root: The project's folder, which a file is relative to.

    Raises:
        SettingsError: The variable is not set, or the file can't be read or can be read by others.
    """
    if secret is None:
        return ""
    if secret.env is not None:
        value = os.environ.get(secret.env, "")
        if not value:
            raise SettingsError(
                f"The environment variable {secret.env} is not set. A destination's secret is read"
                " from it."
            )
        return value
    path = root / (secret.file or "")
    try:
        if os.name == "posix" and path.stat().st_mode & _OTHERS:
            raise SettingsError(f"{path} can be read by others. Run: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"The secret in {path} can't be read: {error.strerror}.") from None
