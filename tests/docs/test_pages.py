"""Pages hold together: links lead somewhere, every error is explained, every page is reachable."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import fewer.errors

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


def _codes(error: type[fewer.errors.FewerError]) -> set[str]:
    return {error.code}.union(*map(_codes, error.__subclasses__()))


def test_every_error_code_is_explained():
    """One heading a code in docs/errors.md, and none for a code that is gone."""
    headings = re.findall(r"^### `(\w+)`$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == _codes(fewer.errors.FewerError) | _problem_codes()


def _problem_codes() -> set[str]:
    """Codes of single problems, as the package writes them: `Problem("code", ...)`."""
    found = set()
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Problem"):
                named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                for value in [*node.args[:1], *named]:
                    if isinstance(value, ast.Constant):
                        found.add(str(value.value))
    return found
