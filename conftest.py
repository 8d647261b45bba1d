"""How many processes `pytest` uses: two for all fast tests, one for whatever is chosen."""

from __future__ import annotations

import pytest


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for a run of everything; none to wait for, and nothing captured, for a chosen few."""
    given = config.option
    chosen = (
        config.args_source is not pytest.Config.ArgsSource.TESTPATHS
        or f"-m={given.markexpr}" not in config.getini("addopts")
        or given.keyword
        or given.capture == "no"
        or any(getattr(given, option, None) for option in ("lf", "inline_snapshot"))
    )
    return 0 if chosen else 2
