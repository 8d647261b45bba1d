"""JSON Schemas of every file a user writes."""

from __future__ import annotations

from typing import Any

from fewer.language import schema as published


def json_schema(kind: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``segments``, ``goals``, ``creatives`` or ``project``."""
    return published.json_schema(kind)
