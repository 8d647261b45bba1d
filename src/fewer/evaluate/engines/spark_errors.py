"""What Spark said when it failed, without the values that it quotes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from fewer.errors import EngineError

_MOST_SQL: Final = 4_000
"""Characters of a failing query that an error shows."""

_SHOWN: Final = ("AnalysisException", "ParseException")
"""Errors about the text of a query; they name columns and quote no row."""

_ENDED: Final = "The session of Spark has ended. Open the engine again."

_GONE: Final = (
    "A Parquet file is not there any more, or executors can't see it. Build again; executors on"
    " other machines need the project's folder at the same path."
)
_RETYPED: Final = (
    "A column of a Parquet file has another type than the project knows. Ingest it again."
)
_TOO_DEEP: Final = (
    "The plan or a pattern is too deep for the stack of Java. Give it more with the option"
    " spark.driver.extraJavaOptions=-Xss64m (spark.executor.extraJavaOptions on a cluster)."
)
_KNOWN: Final = (
    (r"stopped SparkContext|SparkContext was shut ?down|has been shut ?down", _ENDED),
    (r"SparkContext is stopped|CONTEXT_NOT_EXISTS|NO_ACTIVE_SESSION", _ENDED),
    (r"SESSION_CLOSED|SESSION_NOT_FOUND", _ENDED),
    (r"FileNotFoundException|FILE_NOT_EXIST|PATH_NOT_FOUND|does not exist", _GONE),
    (r"SchemaColumnConvertNotSupported|CONVERT_NOT_SUPPORTED|COLUMN_DATA_TYPE", _RETYPED),
    (r"StackOverflowError", _TOO_DEEP),
    (
        r"OutOfMemoryError",
        "Spark ran out of memory. Give it more: spark.driver.memory, spark.executor.memory.",
    ),
    (
        r"ExecutorLostFailure|FetchFailedException|ExecutorDeadException",
        "An executor died, and Spark could not do its work again in time.",
    ),
    (
        r"ARITHMETIC_OVERFLOW|NUMERIC_VALUE_OUT_OF_RANGE",
        "A whole number grew beyond what Spark can hold.",
    ),
)

_CAUSE: Final = re.compile(r"\b(?:[a-z]\w*\.)+([A-Z]\w*(?:Exception|Error|Failure))\b")
_CLASS: Final = re.compile(r"\[([A-Z][A-Z_0-9]+(?:\.[A-Z_0-9]+)*)\]")


@contextmanager
def told(doing: str = "", *, sql: str = "") -> Iterator[None]:
    """Failures of Spark inside, as errors of ours."""
    try:
        yield
    except failures() as error:
        raise refused(error, sql, doing=doing) from None


def quietly(action: Callable[..., Any], *arguments: Any) -> None:
    """Tidy up; what has ended already needs none."""
    try:
        action(*arguments)
    except failures():
        return


def failures() -> tuple[type[BaseException], ...]:
    """Classes of errors that mean that Spark failed; importing them is for who has pyspark."""
    from py4j.protocol import Py4JError  # noqa: PLC0415  an optional part
    from pyspark.errors import PySparkException  # noqa: PLC0415  same

    # A process of Java that died leaves sockets that nobody answers.
    return (PySparkException, Py4JError, OSError, EOFError)


def refused(error: BaseException, sql: str = "", *, doing: str = "") -> EngineError:
    """An error of ours that says what went wrong; values of the data are left out."""
    what = f"Spark could not {doing or 'run this query'}"
    shown = f"\n\n{_shortened(sql)}" if sql else ""
    if any(kind.__name__ in _SHOWN for kind in type(error).__mro__):
        return EngineError(f"{what}: {_first_part(str(error))}{shown}")
    text = f"{type(error).__name__} {error}"
    if isinstance(error, OSError | EOFError) or "Py4JNetworkError" in text:
        return EngineError(f"{what}: its process does not answer. {_ENDED}")
    for pattern, meaning in _KNOWN:
        if re.search(pattern, text):
            return EngineError(f"{what}: {meaning}{shown}")
    return EngineError(f"{what}: {', '.join(dict.fromkeys(_names(error, text)))}{shown}")


def _names(error: BaseException, text: str) -> Iterator[str]:
    """Conditions and classes that the text names; their messages may quote the data."""
    yield type(error).__name__
    yield from _CLASS.findall(text)
    yield from _CAUSE.findall(text)


def _first_part(text: str) -> str:
    """The message without the plan that Spark prints below it."""
    return re.split(r";\n|\n\nJVM stacktrace|\n== SQL ==", text, maxsplit=1)[0].strip()


def _shortened(sql: str) -> str:
    rest = f"\n... ({len(sql):,} characters in all)" if len(sql) > _MOST_SQL else ""
    return sql[:_MOST_SQL] + rest


def stopped(spark: Any) -> bool:
    """Whether the Spark of a session in this process has ended."""
    context = spark.sparkContext._jsc  # noqa: SLF001  there is no public way
    try:
        return context is None or bool(context.sc().isStopped())
    except failures():
        return True
