"""What is published: the wheel holds all of the package, and asks for what it imports, no more."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/fewer"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Needed by others at run time, imported by none of our modules.
UNIMPORTED = {
    "pytz": "duckdb hands timestamps with a zone to Python through it",
    "tzdata": "zoneinfo reads it where the system has no zones",
}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared(requirements: list[str]) -> set[str]:
    return {_canonical(re.split(r"[\[<>=!~ ;]", line, maxsplit=1)[0]) for line in requirements}


def _all_declared() -> set[str]:
    extras = PROJECT["optional-dependencies"].values()
    return _declared(PROJECT["dependencies"]).union(*map(_declared, extras))


def _imported() -> dict[str, set[str]]:
    """Distribution -> files of the package that import it."""
    owners = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                root = name.partition(".")[0]
                if root in sys.stdlib_module_names or root in {"fewer", "__future__"}:
                    continue
                # One of the distributions that hold a module is enough: it brings the others.
                holders = sorted(map(_canonical, owners.get(root, [root])))
                declared = [holder for holder in holders if holder in _all_declared()]
                for owner in declared or holders:
                    found.setdefault(owner, set()).add(str(path.relative_to(ROOT)))
    return found


def test_everything_imported_is_declared():
    declared = _all_declared()
    undeclared = {name: files for name, files in _imported().items() if name not in declared}
    assert undeclared == {}


def test_everything_declared_is_imported():
    assert _declared(PROJECT["dependencies"]) - set(_imported()) - set(UNIMPORTED) == set()


@pytest.mark.parametrize("group", sorted(PROJECT["entry-points"]))
def test_every_entry_point_leads_somewhere(group):
    ours = {point.name: point for point in entry_points(group=group)}
    assert set(PROJECT["entry-points"][group]) <= set(ours)
    for name in PROJECT["entry-points"][group]:
        assert ours[name].load() is not None


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("fewer-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("fewer/")}
    files = {
        f"fewer/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    examples = ROOT / "examples"
    files |= {
        f"fewer/examples/{path.relative_to(examples).as_posix()}"
        for name in ("grocer", "retailer", "shop")
        for path in (examples / name).rglob("*")
        if path.is_file() and ".fewer" not in path.parts
    }
    assert files - inside == set()
    assert {"fewer/py.typed", "fewer/errors.py"} <= inside
