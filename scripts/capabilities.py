"""docs/engines/capabilities.md, from what engines declare and what the tests mark."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from fewer.evaluate.engines.base import GROUP, Capabilities
from fewer.evaluate.plan.construct import CONSTRUCTS

TESTS = Path(__file__).parents[1] / "tests" / "conformance"
GAPS = {
    "notimpl": "could be done here, is not yet",
    "notyet": "needs a change upstream",
    "never": "this engine can't, and won't",
}
INTRODUCTION = """\
# What each engine can do

<!-- Written by scripts/pages.py from the engines and from the marks of tests/conformance. -->

Every construct is asked of every engine that runs in our tests, and the answers must be those of a
reading of the language in plain Python.

"""


def page() -> str:
    """The whole page."""
    engines = {point.name: point.load().capabilities for point in entry_points(group=GROUP)}
    ordered = sorted(engines, key=lambda name: (not engines[name].executed_in_tests, name))
    ordered.sort(key=lambda name: name != "embedded")
    found = dict.fromkeys(ordered)
    parts = [INTRODUCTION, _facts(list(found), engines), _constructs(list(found), engines)]
    return "\n".join([*parts, _gaps()])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(cells: list[str]) -> list[str]:
    return [_row(cells), _row(["---"] * len(cells))]


def _facts(names: list[str], engines: dict[str, Capabilities]) -> str:
    lines = _head(["", *(f"`{name}`" for name in names)])
    for words, has in (
        ("answers compared with the oracle", lambda c: c.executed_in_tests),
        ("works on a server", lambda c: c.server),
        ("reads your tables in place", lambda c: c.in_place),
    ):
        lines.append(_row([words, *("yes" if has(engines[n]) else "no" for n in names)]))
    lines.append(_row(["SQL dialect", *(engines[name].dialect for name in names)]))
    return "\n".join(lines) + "\n"


def _constructs(names: list[str], engines: dict[str, Capabilities]) -> str:
    """A row for each construct that some engine lacks; the others in one sentence."""
    lacking = sorted({construct for n in names for construct in engines[n].lacks})
    shared = ", ".join(f"`{name}`" for name in sorted(CONSTRUCTS - set(lacking)))
    lines = ["## Constructs", ""]
    if lacking:
        lines += _head(["", *(f"`{name}`" for name in names)])
        for construct in lacking:
            cells = (engines[n].lacks.get(construct, "yes") for n in names)
            lines.append(_row([f"`{construct}`", *cells]))
        lines += [""]
    return "\n".join([*lines, f"On every engine: {shared}.", ""])


def _gaps() -> str:
    lines = ["## Gaps that tests mark", ""]
    found = sorted(set(_marks()))
    if not found:
        return "\n".join([*lines, "None: every test of the suite passes on every engine.", ""])
    lines += _head(["engine", "test", "kind", "reason"])
    lines += [_row([f"`{e}`", t, f"{kind}: {GAPS[kind]}", why]) for e, t, kind, why in found]
    return "\n".join([*lines, ""])


def _marks() -> Iterator[tuple[str, str, str, str]]:
    """Engine, test, kind and reason of every gap that a test or class is marked with."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            for mark in node.decorator_list:
                kind = mark.func.attr if _is_gap(mark) else ""
                if kind:
                    for engine, why in ast.literal_eval(mark.args[0]).items():
                        yield engine, node.name.replace("_", " "), kind, why


def _is_gap(mark: ast.expr) -> bool:
    called = isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute)
    return called and mark.func.attr in GAPS
