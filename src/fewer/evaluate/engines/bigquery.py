"""BigQuery: its SQL is generated, and not executed in our tests."""

from __future__ import annotations

from typing import ClassVar

from fewer.evaluate.engines.base import Capabilities
from fewer.evaluate.engines.generated import GeneratedEngine


class BigQueryEngine(GeneratedEngine):
    """Writes queries for BigQuery."""

    name: ClassVar = "bigquery"
    title: ClassVar = "BigQuery"
    capabilities: ClassVar = Capabilities(dialect="bigquery", executed_in_tests=False)
