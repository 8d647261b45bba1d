"""Rules of the house that no linter knows: size, words, places, and how fast the command starts."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYTHON = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *(ROOT / "scripts").glob("*.py")]
LONGEST = 900  # lines of a file; the ratchet may only go down


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _public(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The module, and every class and function in it that callers may name."""
    yield "module", tree
    pending: list[tuple[str, ast.AST]] = [("", tree)]
    while pending:
        prefix, parent = pending.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if node.name.startswith("_"):
                    continue
                yield f"{prefix}{node.name}", node
                if isinstance(node, ast.ClassDef):
                    pending.append((f"{prefix}{node.name}.", node))


def _is_overload(node: ast.AST) -> bool:
    marks = {ast.unparse(mark) for mark in getattr(node, "decorator_list", [])}
    return bool(marks & {"overload", "typing.overload", "override", "typing.override"})


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_public_thing_says_what_it_is(path):
    silent, parrots = [], []
    for name, node in _public(ast.parse(path.read_text())):
        text = ast.get_docstring(node)
        if not text:
            if not _is_overload(node):
                silent.append(name)
        elif re.sub(r"[\W_]", "", text).lower() == re.sub(r"[\W_]", "", name).lower():
            parrots.append(name)  # says its name again and nothing else
    assert (silent, parrots) == ([], [])


def test_no_file_grows_past_the_ratchet():
    lengths = {_name(path): len(path.read_text().splitlines()) for path in PYTHON}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


def test_rooms_import_nothing_when_entered():
    """`__init__` of every room is one sentence: what a room costs is paid by who uses it."""
    rooms = [path for path in SOURCES if path.name == "__init__.py" and path.parent.name != "fewer"]
    crowded = {
        _name(path): [
            ast.unparse(node)
            for node in ast.parse(path.read_text()).body[1:]
            if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno
            if not ast.unparse(node).startswith("from __future__")
        ]
        for path in rooms
    }
    assert {name: imports for name, imports in crowded.items() if imports} == {}


def test_who_is_who_reads_no_file():
    """The import rule allows pyarrow in `data.identity` for its arrays, not for its readers."""
    readers = re.compile(r"pyarrow\.(csv|dataset|feather|fs|ipc|json|orc|parquet)|\bopen\(|\.read_")
    folder = ROOT / "src/fewer/data/identity"
    found = {_name(p): readers.findall(p.read_text()) for p in folder.rglob("*.py")}
    assert {name: hits for name, hits in found.items() if hits} == {}


# ------------------------------------------------------------------------------- words and places

TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".html", ".css", ".js", ".sql", ".txt", ""}
PLACES = ("src", "tests", "docs", "scripts", "examples", "benchmarks", "changelog.d", ".ci")
# Written in halves, or this file would find itself.
MACHINE = (
    "/wo" + "rk/",
    "/ho" + "me/",
    "/ro" + "ot/",
    "/Us" + "ers/",
    "../sha" + "red",
    "C:\\Us" + "ers",
)
TOOLS = (
    "anth" + "ropic",
    "cla" + "ude",
    "open" + "ai",
    "chat" + "gpt",
    "co" + "pilot",
    "co" + "dex",
)


def _texts() -> Iterator[tuple[str, str]]:
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    for place in PLACES:
        paths += [path for path in (ROOT / place).rglob("*") if path.is_file()]
    for path in paths:
        inside = set(path.relative_to(ROOT).parts)
        if path.suffix not in TEXT or inside & {"__pycache__", ".fewer", ".coverage"}:
            continue
        yield _name(path), path.read_text(errors="replace")


def test_no_path_of_somebodys_machine():
    found = {name: [m for m in MACHINE if m in text] for name, text in _texts()}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_no_name_of_a_writing_tool():
    pattern = re.compile(rf"\b({'|'.join(TOOLS)})\b", re.IGNORECASE)
    found = {name: pattern.findall(text) for name, text in _texts()}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_the_reader_of_this_repository_is_looked_at():
    """The two tests above read something: a wrong folder would make them pass."""
    names = {name for name, _ in _texts()}
    assert {"pyproject.toml", "src/fewer/errors.py", "docs/index.md", "Makefile"} <= names


# ------------------------------------------------------------------------------------ the command

LOADED = """
import json, sys
before = set(sys.modules)
sys.argv = ["fewer", "--help"]
from fewer.interfaces.cli.main import main
try:
    main()
except SystemExit as done:
    status = done.code
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps({"status": status, "roots": sorted(roots)}), file=sys.stderr)
"""


def test_help_loads_nothing_heavy():
    """click and rich take 0.1 s of one core together; what else a command needs waits for it."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60
    )
    seen = json.loads(done.stderr.splitlines()[-1])
    assert seen["status"] in {0, None}
    assert "Usage: fewer" in done.stdout
    assert set(seen["roots"]) - sys.stdlib_module_names <= {"click", "fewer", "rich"}
