"""JSON Schemas of every file a user writes."""

from __future__ import annotations

from typing import Any

from fewer.language import schema


def json_schema(kind: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``segments``, ``goals``, ``creatives`` or ``project``."""
    return schema.json_schema(kind)
