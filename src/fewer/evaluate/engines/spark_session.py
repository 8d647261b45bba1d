"""Sessions of Spark: in this process, in executors beside it, on a cluster, or through Connect."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fewer.errors import EngineError, MissingExtraError
from fewer.evaluate.engines.base import EngineSettings
from fewer.evaluate.engines.spark_errors import failures, refused, stopped

_CONNECT: Final = "sc://"
_LOCAL: Final = "local"

_MEANING: Final[Mapping[str, str]] = {
    # A definition's text is never read as anything but text ...
    "spark.sql.variable.substitute": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    # ... and an overflow is an error, not another number.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.session.timeZone": "UTC",
    # A file that vanished is an error, not fewer rows.
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
}
"""Settings on which the meaning of a query depends; options don't change them."""

_COST: Final[Mapping[str, str]] = {
    # Everything about a person is put in one place beforehand, and stays there.
    "spark.sql.adaptive.enabled": "false",
    # Plans are wide: inferring constraints and compiling what has hundreds of columns costs more
    # than it saves.
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
    "spark.sql.maxPlanStringLength": "1000",
    "spark.sql.ui.explainMode": "simple",
}
"""Settings for speed, where the options say nothing else."""

_PROCESS: Final[Mapping[str, str]] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
}
"""Settings of a process that we start, where the options say nothing else."""

_LEAST_DRIVER: Final = 1 << 30
_MOST_DRIVER: Final = 4 << 30

_LOGS: Final = """\
appender.none.type = Null
appender.none.name = none
rootLogger.level = off
rootLogger.appenderRef.none.ref = none
"""
"""Errors of tasks quote data; what a user must know reaches them as an error of ours."""


@dataclass(slots=True)
class Session:
    """A session of our own; `ends` when the process of Spark was started for it."""

    spark: Any
    connect: bool
    ends: bool
    options: Mapping[str, str] = field(default_factory=dict)
    """What the user set: where we would set something for speed, this counts."""

    def close(self) -> None:
        """End the session, and Spark itself when it was started for it."""
        if self.connect or self.ends:
            try:
                self.spark.stop()
            except failures():  # it has ended already
                return


def opened(settings: EngineSettings) -> Session:
    """A session at the URL of the settings; by default in threads of this process.

    Raises:
        MissingExtraError: pyspark is not installed.
        EngineError: there is no Java, or Spark can't be reached or started.
    """
    url = settings.url or f"local[{settings.threads}]"
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415  an optional part

        with warnings.catch_warnings():
            # pyspark imports this itself when first given a list, and then warns of pandas 3,
            # which nothing here uses.
            warnings.simplefilter("ignore")
            import pyspark.testing.utils  # noqa: F401, PLC0415
    except ImportError:
        raise MissingExtraError("The Spark engine", "spark") from None
    if url.startswith(_CONNECT):
        session = _connected(SparkSession, url, settings.options)
    else:
        session = _classic(SparkSession, url, settings)
    for key, value in {**_COST, **settings.options, **_MEANING}.items():
        if key not in _PROCESS and _is_sql(session, key):
            session.spark.conf.set(key, value)
    return session


def _is_sql(session: Session, key: str) -> bool:
    return key.startswith("spark.sql.") and bool(session.spark.conf.isModifiable(key))


def _connected(builder: Any, url: str, options: Mapping[str, str]) -> Session:
    try:
        spark = builder.builder.remote(url).create()
    except ImportError:
        raise EngineError(
            "A Spark Connect URL needs the client of Spark Connect."
            " Run: pip install 'pyspark[connect]'"
        ) from None
    except failures() as error:
        raise refused(error, doing="reach Spark Connect") from None
    return Session(spark, connect=True, ends=True, options=options)


def _classic(builder: Any, url: str, settings: EngineSettings) -> Session:
    active = _active(builder)
    if active is not None:
        if settings.url and active.sparkContext.master != url:
            raise EngineError(
                f"This process runs Spark at {active.sparkContext.master!r} already, and can't run"
                f" it at {url!r} too. Stop that session, or ask without a URL to use it."
            )
        # Views and settings of ours stay out of the session that someone else uses.
        return Session(active.newSession(), connect=False, ends=False, options=settings.options)
    _find_java()
    _prepare_environment(url)
    made = builder.builder.master(url).appName("fewer")
    java = "spark.driver.extraJavaOptions"
    found = {**_process(url, settings), **settings.options}
    found[java] = f"-Dlog4j2.configurationFile={_quiet()} {settings.options.get(java, '')}".strip()
    for key, value in found.items():
        made = made.config(key, value)
    try:
        spark = made.getOrCreate()
    except failures() as error:
        raise refused(error, doing="start Spark") from None
    if "spark.log.level" not in settings.options:
        spark.sparkContext.setLogLevel("OFF")
    return Session(spark, connect=False, ends=True, options=settings.options)


def _active(builder: Any) -> Any:
    """The session that this process has, unless its Spark has stopped."""
    active = builder.getActiveSession()
    if active is None or not hasattr(active, "sparkContext"):
        return None
    return None if stopped(active) else active


def _process(url: str, settings: EngineSettings) -> dict[str, str]:
    found = dict(_PROCESS)
    if settings.temp_directory:
        found["spark.local.dir"] = str(settings.temp_directory)
    found["spark.driver.memory"] = _java_size(settings.memory_limit or _driver_memory())
    if url.startswith(_LOCAL):
        found |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    cluster = re.fullmatch(r"local-cluster\[\s*\d+\s*,\s*\d+\s*,\s*(\d+)\s*\]", url)
    if cluster:  # an executor must fit into its worker
        found["spark.executor.memory"] = f"{cluster.group(1)}m"
    return found


def _driver_memory() -> str:
    """A sixth of the machine's memory: Java's own 1 GB is too little to plan hundreds of segments.

    It is a limit that Java grows up to, not what it takes.
    """
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(max(whole // 6, _LEAST_DRIVER), _MOST_DRIVER) >> 20}m"


def _java_size(size: str) -> str:
    """``4GB`` as Java says it."""
    found = re.fullmatch(r"\s*(\d+)\s*([kmgt])i?b?\s*", size.lower())
    if not found:
        raise EngineError(
            f"The memory limit {size!r} is no size that Spark knows. Write it like '4GB'."
        )
    return "".join(found.groups())


def _quiet() -> Path:
    """Settings of the logs; they are read once, when Java starts."""
    path = Path(tempfile.mkdtemp(prefix="fewer-spark-")) / "log4j2.properties"
    path.write_text(_LOGS, encoding="utf-8")
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    return path


def _find_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if (home and (Path(home) / "bin" / "java").exists()) or shutil.which("java"):
        return
    raise EngineError(
        "Spark needs Java 17 or newer, and there is none on the PATH or at JAVA_HOME."
        " Run: sudo apt-get install openjdk-17-jre-headless"
    )


def _prepare_environment(url: str) -> None:
    """Workers must be this Python; a local Spark must not look for a network."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if url.startswith(_LOCAL):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
