"""What the audit is told of files: each row once, however often its file was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from fewer.project.project import Project

SETTINGS = """\
name: Growing
sources:
  - id: log
    files: "*.csv"
    events: {event: view, person: who, ts: at, id: id, properties: {n: {column: n, type: number}}}
"""
HEAD = "who,at,id,n\n"
ROWS = """\
ann,2026-03-01,1,5
ann,2026-03-01,1,5
,2026-03-01,2,5
bob,never,3,5
cy,2026-03-02,4,five
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "fewer.yaml").write_text(SETTINGS)
    (tmp_path / "a.csv").write_text(HEAD + ROWS)
    (tmp_path / "b.csv").write_text(HEAD + "eve,2026-03-01,9,5\n,2026-03-01,10,5\n")
    with Project.open(tmp_path) as opened:
        opened.ingest()
        yield opened


def _told(project: Project) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    rejected = {f"{c['file']} {c['reason']}": int(c["rows"]) for c in project.quarantine_counts()}
    findings = {
        finding.code: {figure.label: figure.value for figure in finding.evidence.figures}
        for finding in project.audit("2026-04-01").findings
    }
    return rejected, findings


def test_a_grown_file_counts_once(project: Project):
    before, _ = _told(project)
    assert before == {
        "a.csv person_missing": 1,
        "a.csv ts_unparseable": 1,
        "b.csv person_missing": 1,
    }
    path = Path(project.folder.root) / "a.csv"
    path.write_text(HEAD + ROWS + "dee,2026-03-03,5,1\n,2026-03-03,6,1\n")
    project.ingest()
    after, findings = _told(project)
    assert after == {**before, "a.csv person_missing": 2}
    assert findings["AU004"]["rows without a person"] == 3
    assert findings["AU004"]["rows read"] == 9
    assert findings["AU027"]["values lost"] == 1
    assert findings["AU003"]["repeated rows"] == 1


def test_the_same_audit_is_made_once(built):
    """Until the data is read anew."""
    first = built.audit(built.snapshot().as_of_us)
    assert built.audit(built.snapshot().as_of_us) is first
    assert built.audit(built.snapshot().as_of_us - 1) is not first
    built.refresh()
    again = built.audit(built.snapshot().as_of_us)
    assert again is not first
    assert again == first
