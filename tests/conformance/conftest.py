"""Every engine answers the same tests.

A test asks through the fixture `engine`; it runs once for each engine. A gap is marked with its
kind and its reason, and fails the build when it closes::

    @pytest.mark.notimpl({"spark": "sessions are not lowered yet"})
    @pytest.mark.notyet({"clickhouse": "upstream: no 128-bit sums in windows"})
    @pytest.mark.never({"postgres": "has no unsigned numbers"})
"""

from __future__ import annotations

import pytest

from conformance.engines import ENGINES, MARKED, Engine
from conftest import SOAK

GAPS = {
    "notimpl": "could be done here, is not yet",
    "notyet": "needs a change upstream",
    "never": "this engine can't, and won't",
}


def pytest_configure(config: pytest.Config) -> None:
    for gap, meaning in GAPS.items():
        config.addinivalue_line("markers", f"{gap}(engines): {meaning}; {{engine: reason}}")


_EVERY = 6
"""Of the further seeds of a law, Spark gets one in so many: each costs it ten seconds."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out further seeds on Spark, but not of a soak; those of other engines all run."""
    if SOAK > 1:
        return
    left_out = [item for item in items if _is_further_seed(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not _is_further_seed(item)]


def _is_further_seed(item: pytest.Item) -> bool:
    asked = getattr(item, "callspec", None)
    given = asked.params if asked else {}
    further = given.get("engine") == "spark" and item.get_closest_marker("slow") is not None
    return further and isinstance(given.get("seed"), int) and given["seed"] % _EVERY != 0


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("engine") if callspec else None
    for gap in GAPS:
        for mark in item.iter_markers(gap):
            if name in mark.args[0]:
                reason = f"{gap}: {mark.args[0][name]}"
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


_PARAMETERS = [
    pytest.param(name, marks=[getattr(pytest.mark, name)] if name in MARKED else [])
    for name in ENGINES
]


@pytest.fixture(scope="session", params=_PARAMETERS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """One of the engines; tests that take it run on all."""
    return Engine(request.param)
