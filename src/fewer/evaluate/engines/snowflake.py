"""Snowflake: its SQL is generated, and not executed in our tests."""

from __future__ import annotations

from typing import ClassVar

from fewer.evaluate.engines.base import Capabilities
from fewer.evaluate.engines.generated import GeneratedEngine


class SnowflakeEngine(GeneratedEngine):
    """Writes queries for Snowflake."""

    name: ClassVar = "snowflake"
    title: ClassVar = "Snowflake"
    capabilities: ClassVar = Capabilities(dialect="snowflake", executed_in_tests=False)
