"""Pages hold together: links lead somewhere, every error is explained, every page is reachable."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import fewer.errors
from fewer.journey.define import lint
from fewer.language import explain, yaml

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*src=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def _prose(page: Path) -> str:
    return CODE_BLOCK.sub("", page.read_text())


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(_prose(page))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def _links(page: Path) -> list[str]:
    found = [first or second for first, second in LINK.findall(_prose(page))]
    return [link for link in found if not link.startswith(("http://", "https://", "mailto:"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    dead = []
    for link in _links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in _anchors(target)
        ):
            dead.append(link)
    assert dead == []


def test_every_page_is_reached_from_the_index():
    index = ROOT / "docs/index.md"
    reached, pending = {index}, [index]
    while pending:
        page = pending.pop()
        for link in _links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target not in reached and target.exists():
                reached.add(target)
                pending.append(target)
    assert set((ROOT / "docs").rglob("*.md")) - reached == set()


# ------------------------------------------------------------------------------------ errors

ERRORS = (ROOT / "docs/errors.md").read_text()
HEADED = re.findall(r"^### `(\w+)`$", ERRORS, re.MULTILINE)
LISTED = re.findall(r"^\| `(\w+)` \|", ERRORS, re.MULTILINE)
FIRST = {"Problem", "problem", "RuleError"}  # calls whose first argument is a code
LATER = {
    "_fatal",
    "_warn",
    "fatal",
    "_value",
    "_problem",
}  # calls with a code among the first three


def _classes(error: type[fewer.errors.FewerError]) -> set[str]:
    return {error.code}.union(*map(_classes, error.__subclasses__()))


def _codes_of_problems() -> set[str]:
    """Codes of single problems, as the package writes them."""
    found = {code for _, code, *_ in yaml._SYNTAX} | set(explain._CODES.values())
    found |= {code for code, _ in explain._EXPECTED.values()}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                values = node.args[: 1 if name in FIRST else 3 if name in LATER else 0]
            elif isinstance(node, ast.Return) and path.name == "advice.py":
                values = node.value.elts[:1] if isinstance(node.value, ast.Tuple) else []
            texts = [v.value for v in values if isinstance(v, ast.Constant)]
            found |= {text for text in texts if re.fullmatch("[a-z]+(_[a-z]+)*", str(text))}
    return found


def test_every_error_is_explained():
    assert _classes(fewer.errors.FewerError) - set(HEADED) == set()
    unexplained = _codes_of_problems() - set(HEADED) - set(LISTED) - set(lint.CODES)
    assert unexplained == set()


def test_no_error_is_explained_that_does_not_exist():
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    assert [code for code in [*HEADED, *LISTED] if f'"{code}"' not in source] == []
    assert len([*HEADED, *LISTED]) == len({*HEADED, *LISTED})
