"""Every page that shows a command, a program or a file is run as a reader would run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.guide import Guide, GuideError, blocks

ROOT = Path(__file__).parents[2]
RUNNING = ("console", "python")
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if any(block.language in RUNNING for block in blocks(page.read_text()))
]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_does_what_it_says(page, tmp_path):
    assert Guide(page, tmp_path).run() > 0


class TestTheRunnerItself:
    """A runner that passes everything would make the test above worthless."""

    @pytest.fixture
    def run(self, tmp_path):
        def run(page: str) -> Path:
            path = tmp_path / "page.md"
            path.write_text(page)
            folder = tmp_path / "folder"
            folder.mkdir(exist_ok=True)
            Guide(path, folder).run()
            return folder

        return run

    def test_writes_files_and_runs_commands(self, run):
        folder = run(
            '```csv title="data/a.csv"\nx,y\n1,2\n```\n'
            "```console\n$ wc -l data/a.csv \\\n    data/a.csv\n2 data/a.csv\n...\n4 total\n```\n"
            "1. in a list\n"
            "   ```console\n   $ printf 'one\\ntwo %d\\nthree\\n' 7\n   one\n   two ...\n   ```\n"
        )
        assert (folder / "data/a.csv").read_text() == "x,y\n1,2\n"

    def test_python_blocks_share_names_and_doctests_count(self, run):
        run("```python\nx = 20\n```\ntext\n```python\n>>> x + 1\n21\n>>> [x] * 9\n[20, ...]\n```\n")

    def test_commands_may_be_expected_to_fail(self, run):
        run("```console exit=3\n$ exit 3\n```\n")

    @pytest.mark.parametrize(
        "page,complaint",
        [
            ("```console\n$ echo 12 people\n13 people\n```", r"page.md:2: .*'13 people'"),
            ("```console\n$ printf 'a\\nb\\n'\nb\na\n```", r"page.md:2: .*'a'"),
            ("text\n```console\n$ true\n$ false\n```", r"page.md:4: exit 1, not 0"),
            ("```console exit=1\n$ true\n```", r"page.md:2: exit 0, not 1"),
            ("```python\nx = 1\nassert x == 2\n```", r'(?s)page.md:2: .*page.md", line 3'),
            ("```python\n>>> 1 + 1\n3\n```", r"(?s)page.md:2: .*Expected:\n *3\nGot:\n *2"),
            ('```txt title="../escaped"\nx\n```', r"page.md:2: '../escaped' lies outside"),
        ],
    )
    def test_complains_about_what_is_not_so(self, run, page, complaint):
        with pytest.raises(GuideError, match=complaint):
            run(page)
