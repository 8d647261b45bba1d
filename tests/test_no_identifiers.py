"""Nobody's address is shown: recognisable ones go in at every door, and all that comes out is read.

Raw or hashed, an identifier may stand in an export (hashed) and nowhere else: not on the screen,
not in an error, not in the report, and in the store only encrypted.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fewer.interfaces.cli.main import run

EMAILS = [f"marked.{n}@secret-mail.example" for n in range(12)]
PHONES = [f"+1415555{n:04d}" for n in range(2671, 2683)]
HASHES = [hashlib.sha256(text.encode()).hexdigest() for text in EMAILS + PHONES]
HASHES += [hashlib.sha256(text.removeprefix("+").encode()).hexdigest() for text in PHONES]
MARKS = ("secret-mail", *(phone[2:] for phone in PHONES), *HASHES)

SETTINGS = """\
version: 1
name: Marked
currency: EUR
identity: {phone_region: US}
consent: {purpose: ads}
sources:
  - id: log
    files: events.csv
    events:
      event: {column: action}
      person: user
      ts: at
      properties: {value: {column: value, type: number}}
  - id: crm
    files: people.csv
    people:
      person: user
      traits: {plan: plan}
      consents: {ads: ads}
      contacts: {email: email, phone: phone}
"""
SEGMENTS = """\
- {id: viewers, name: Viewers, type: engagement, where: {did: view, within: 7d}}
- {id: buyers, name: Buyers, type: engagement, where: {did: buy, within: 7d}}
"""
GOALS = "- {id: order, did: buy, value: {of: value, currency: EUR}, outcome_window: 2d}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("marked")
    events = ["user,at,action,value"]
    people = ["user,plan,ads,email,phone"]
    for n, (email, phone) in enumerate(zip(EMAILS, PHONES, strict=True)):
        events += [
            f"u{n},2026-03-0{1 + n % 9}T10:00:00Z,view,",
            f"u{n},2026-03-11T1{n % 10}:00:00Z,buy,9.5",
        ]
        people.append(
            f"u{n},{'pro' if n % 2 else 'free'},{'yes' if n % 3 else 'no'},{email},{phone}"
        )
    events.append("u1,yesterday,view,")
    people.append(f",free,yes,{EMAILS[0]},{PHONES[0]}")  # set aside, with what it holds
    (folder / "events.csv").write_text("\n".join(events) + "\n")
    (folder / "people.csv").write_text("\n".join(people) + "\n")
    (folder / "fewer.yaml").write_text(SETTINGS)
    (folder / "segments").mkdir()
    (folder / "segments/all.yaml").write_text(SEGMENTS)
    (folder / "goals.yaml").write_text(GOALS)
    return folder


@pytest.fixture
def fewer(monkeypatch, capfd):
    """Runs a command in a folder; its exit status and all that it prints."""

    def fewer(folder: Path, *arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(folder)
        status = run(list(arguments))
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return fewer


def _found(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text]


COMMANDS = (
    "ingest",
    "ingest --json",
    "quarantine",
    "audit",
    "audit --json",
    "validate",
    "build --as-of 2026-03-10",
    "build --as-of 2026-03-10 --json --explain",
    "build --as-of 2026-03-10 --explain --sql",
    "build --as-of 2026-03-10 --explain --dry-run",
    "preview viewers --as-of 2026-03-10",
    "preview viewers --as-of 2026-03-10 --json",
    "runs",
    "runs --json",
    "segments ls",
    "segments show viewers",
    "segments why viewers u3",
    "segments sample viewers",
    "segments overlap --json",
    "segments sql viewers",
    "measure --json",
    "export viewers --to ads.csv --allow-small",
    "report --out report.html",
    "doctor",
)


def test_no_identifier_comes_out(project, fewer):
    said = {}
    for command in COMMANDS:
        status, said[command] = fewer(project, *command.split())
        assert status == 0, said[command]
    said["report.html"] = (project / "report.html").read_text()
    assert {what: _found(text) for what, text in said.items() if _found(text)} == {}
    # The marks are such that they would have been found: the export has them, hashed.
    exported = (project / "ads.csv").read_text()
    assert any(digest in exported for digest in HASHES)
    assert "secret-mail" not in exported

    _check_the_store(project / ".fewer")


def _check_the_store(store: Path) -> None:
    tables = list(store.rglob("*.parquet"))
    assert tables
    for path in tables:
        assert _found(str(pq.read_table(path).to_pylist())) == [], path.name
    for path in store.rglob("*"):
        if path.is_file():
            assert _found(path.read_bytes().decode("latin-1")) == [], path.name


def test_an_error_does_not_quote_the_row(project, fewer, tmp_path):
    """A file that can't be read is named by place, never by what it holds."""
    for name in ("fewer.yaml", "events.csv"):
        (tmp_path / name).write_text((project / name).read_text())
    (tmp_path / "people.csv").write_text(f'user,plan,ads\n"{EMAILS[0]}\n{PHONES[0]},"x\n')
    status, said = fewer(tmp_path, "ingest")
    assert status == 1
    assert "people.csv" in said
    assert _found(said) == []
