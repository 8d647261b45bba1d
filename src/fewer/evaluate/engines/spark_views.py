"""Names of relations and steps in a session of Spark."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlglot import exp

from fewer.evaluate.engines.spark_errors import quietly


class Views:
    """Temporary views under names of our own: the user's tables may be called `events` too."""

    def __init__(self, spark: Any) -> None:
        self.spark = spark
        self.prefix = f"fewer_{uuid4().hex[:8]}_"
        self.names: set[str] = set()

    def add(self, name: str, frame: Any) -> None:
        """Let queries call the frame by the name."""
        frame.createOrReplaceTempView(self.prefix + name)
        self.names.add(name)

    def frame(self, name: str) -> Any:
        """The frame of that name."""
        return self.spark.table(self.prefix + name)

    def drop(self, name: str) -> None:
        """Forget the name."""
        quietly(self.spark.catalog.dropTempView, self.prefix + name)
        self.names.discard(name)

    def text(self, query: exp.Query) -> str:
        """The query for Spark, with our names in it."""
        renamed = query.copy()
        for found in renamed.find_all(exp.Table):
            if found.name in self.names and not found.db:
                if not found.alias:
                    found.set("alias", exp.TableAlias(this=exp.to_identifier(found.name)))
                found.set("this", exp.to_identifier(self.prefix + found.name))
        return renamed.sql(dialect="spark", copy=False)
