"""Addresses and numbers go in at every door; the only way out is hashed, in an export.

`tests/test_no_identifiers.py` does this with processes and a smaller project; here every command,
every form of output and every file of the store is read.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fewer.interfaces.cli.main import COMMANDS
from interfaces.conftest import Fewer, Said, fewer_in
from project import florist

PERSON = "f-01"
OUTPUTS = [
    "ingest",
    "ingest --dry-run",
    "ingest --rebuild",
    "quarantine",
    "audit --html {tmp}/audit.html",
    "validate",
    "build --as-of end",
    "preview roses --as-of {as_of} --sample 0",
    "build --as-of {as_of} --explain",
    "build --as-of {as_of} --explain --sql",
    "identities merge f-04 f-05 --dry-run",
    "identities split f-04 --dry-run",
    "runs",
    "segments ls",
    "segments ls --all",
    "segments show roses",
    "segments size roses",
    "segments overlap",
    "segments why roses f-01",
    "segments why pricing_hot f-24",
    "segments why roses {email}",
    "segments sql roses",
    "tailor preview -n 100",
    "export roses --to {tmp}/out.csv --allow-small",
    "export roses --to {tmp}/out.parquet --allow-small --keys person",
    "measure",
    "claims",
    "lookback pricing_hot --windows 7d,14d",
    "suggest --min 1 --max 50",
    "discover --clusters --min 1 --max 50",
    "recommend",
    "experiment ls",
    "report --out {tmp}/report.html",
    "run --as-of {as_of} --report {tmp}/run.html --exports {tmp}/exports",
    "doctor",
    "version",
    "schema project",
    "sync forecast",
    "sync plan --verbose",
    "sync status",
    "sandbox webhook --seconds 0",
]


DESTINATION = """
destinations:
  - {id: hook, type: webhook, base_url: "http://127.0.0.1:9/", segments: [roses], allow_small: true}
"""
CHANGES = 3  # of `sync plan`: there is something to send


def _marks() -> Iterator[str]:
    yield "secret-mail"
    for person in florist.PEOPLE:
        digits = florist.phone(person).replace(" ", "").removeprefix("0")
        yield digits
        texts = [
            florist.email(person),
            f"+49{digits}",
            f"49{digits}",
            f"0{digits}",
            florist.phone(person),
            person,
        ]
        for text in texts:
            for digest in (hashlib.sha256(text.encode()), hashlib.md5(text.encode())):  # noqa: S324
                yield digest.hexdigest()
                yield base64.b64encode(digest.digest()).decode()


MARKS = tuple(_marks())


def found_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text]


@pytest.fixture(scope="module")
def said(world, tmp_path_factory) -> dict[str, Said]:
    """Everything the commands say, as text and as JSON, errors included."""
    folder = florist.write(world, tmp_path_factory.mktemp("marked"))
    with (folder / "fewer.yaml").open("a") as file:
        file.write(DESTINATION)
    tmp = tmp_path_factory.mktemp("out")
    fewer: Fewer = fewer_in(folder)
    known = {"tmp": tmp, "as_of": florist.AS_OF, "email": florist.email(PERSON)}
    told = {}
    for line in OUTPUTS:
        command = line.format(**known).split()
        told[line] = fewer(*command)
        if command[0] not in {"run", "ingest", "export", "version", "schema", "build", "validate"}:
            told[f"{line} --json"] = fewer(*command, "--json")
    for page in ("audit.html", "report.html", "run.html"):
        told[page] = Said(0, (tmp / page).read_text(), "")
    for manifest in tmp.rglob("*.manifest.json"):
        told[manifest.name] = Said(0, manifest.read_text(), "")
    told["folder"] = Said(0, str(folder), "")
    told["csv"] = Said(0, (tmp / "out.csv").read_text(), "")
    return told


def test_every_command_is_asked():
    asked = {line.split()[0] for line in OUTPUTS} | {"tailor", "segments"}
    assert set(COMMANDS) - asked == {"init", "demo"}  # they read examples, not our files


def test_commands_succeed(said):
    failed = {line: s.all for line, s in said.items() if s.status and "{email}" not in line}
    planned = {line for line in failed if line.startswith("sync plan")}
    assert {said[line].status for line in planned} == {CHANGES}
    assert failed.keys() == planned


def test_no_output_identifies_anyone(said):
    leaks = {
        line: found_in(s.all)[:3]
        for line, s in said.items()
        if line not in {"csv", "folder"} and found_in(s.all)
    }
    assert leaks == {}


def test_ids_of_people_come_only_on_request(said):
    leaks = {
        line: [p for p in florist.PEOPLE if p in s.all][:3]
        for line, s in said.items()
        if line not in {"csv", "folder"} and any(p in s.all for p in florist.PEOPLE)
    }
    assert leaks == {}


def test_an_export_is_hashed(said):
    text = said["csv"].out
    assert "secret-mail" not in text
    assert florist.PHONE_DIGITS not in text
    assert any(mark in text for mark in MARKS)  # the marks are such that they would be found


def test_the_store_keeps_contacts_encrypted(said):
    store = Path(said["folder"].out) / ".fewer"
    files = [path for path in store.rglob("*") if path.is_file()]
    tables = [path for path in files if path.suffix == ".parquet"]
    assert tables
    for path in tables:
        kept = pq.read_table(path)
        # A note that someone wrote an address into is an event's own property: the audit says so.
        names = [n for n in kept.column_names if path.parent.name.startswith("day=") is False]
        text = str(kept.select(names).to_pylist()) if names else ""
        assert found_in(text) == [], path.relative_to(store)
    for path in files:
        if path.suffix in (".parquet", ".part"):
            continue  # a part of the index holds properties of events, as those files do
        raw = path.read_bytes().decode("latin-1")
        assert found_in(raw) == [], path.relative_to(store)
        if raw.startswith("SQLite format 3"):
            with sqlite3.connect(path) as connection:
                assert found_in("\n".join(connection.iterdump())) == [], path.name


def test_the_key_is_the_owners(said):
    store = Path(said["folder"].out) / ".fewer"
    assert store.stat().st_mode & 0o077 == 0
    keys = [p for p in store.rglob("*key*") if p.is_file()]
    assert keys
    assert all(p.stat().st_mode & 0o077 == 0 for p in keys)
