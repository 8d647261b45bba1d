"""What a program written against `fewer` sees: names, their types, and their cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fewer

ROOT = Path(__file__).parents[2]


def test_public_names_are_sorted_exist_and_are_documented():
    assert fewer.__all__ == sorted(fewer.__all__)
    assert set(fewer.__all__) == {*fewer._HOME, "__version__"}
    for name in set(fewer.__all__) - {"__version__"}:
        value = getattr(fewer, name)
        assert value.__doc__
        assert value.__name__ == name
        assert name in dir(fewer)


def test_the_code_for_type_checkers_names_the_same_homes():
    """`TYPE_CHECKING` and the table of homes say one thing, or editors lie."""
    for name, home in fewer._HOME.items():
        text = (ROOT / "src/fewer/__init__.py").read_text()
        block = text.partition(f"    from {home} import ")[2].partition("\n    from ")[0]
        assert name in block.replace(",", " ").replace("\n\n", " | ").partition("|")[0].split()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Segmnet'"):
        _ = fewer.Segmnet


def test_importing_costs_nothing():
    script = (
        "import sys; before = set(sys.modules); import fewer; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {
        "fewer",
        *sys.stdlib_module_names,
    }


@pytest.mark.slow
def test_types_as_a_program_sees_them():
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", ROOT / "tests/typing/api.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
