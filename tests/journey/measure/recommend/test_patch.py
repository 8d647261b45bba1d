"""Edits of files of segments: what is not edited stays as it was, byte for byte."""

from __future__ import annotations

import subprocess

import pytest

from fewer.journey.measure.recommend.patch import UnwritableError, patched, unified
from fewer.language.data import to_data
from fewer.language.files import load_segments
from fewer.model.segment import Segment

BLOCK = """\
# top
- id: a  # first
  name: Hello
  where:
    all:
      - { did: purchase, within: 30d, count: { at_least: 20 } } # hot
      - did: view
        within: 7d # window
  owner: crm # me

# about b
- id: b
  where: {did: x, within: 7d}
"""


def edited(text, id_, change, file="a.yaml", added=()):
    before = {s.id: s for s in load_segments({file: text}).segments}[id_]
    data = to_data(before)
    change(data)
    after = Segment.model_validate(data)
    made = patched(text, {id_: (before, after)}, {id_: added}, file=file)
    assert {s.id: s for s in load_segments({file: made}).segments}[id_] == after
    return made


def lines(before, after):
    """Lines that went, and lines that came."""
    diff = unified("a.yaml", before, after).splitlines()[2:]
    return [x[1:] for x in diff if x[0] == "-"], [x[1:] for x in diff if x[0] == "+"]


def test_a_number_inside_braces():
    after = edited(BLOCK, "a", lambda d: d["where"]["all"][0]["count"].update(at_least=12))
    gone, come = lines(BLOCK, after)
    assert gone == ["      - { did: purchase, within: 30d, count: { at_least: 20 } } # hot"]
    assert come == ["      - { did: purchase, within: 30d, count: { at_least: 12 } } # hot"]


def test_a_window_keeps_its_comment():
    after = edited(BLOCK, "a", lambda d: d["where"]["all"][1].update(within="14d"))
    assert lines(BLOCK, after) == (
        ["        within: 7d # window"],
        ["        within: 14d # window"],
    )


def test_new_keys_go_to_the_end_of_the_segment():
    after = edited(BLOCK, "a", lambda d: d.update(status="archived", exclude=["b"]))
    assert lines(BLOCK, after) == ([], ["  exclude: [b]", "  status: archived"])


def test_an_exclusion_joins_a_list():
    text = BLOCK.replace("  owner: crm # me", "  exclude: [b] # not them\n  owner: crm")
    text += "- {id: c, where: {did: y}}\n"
    after = edited(text, "a", lambda d: d.update(exclude=["b", "c"]))
    assert lines(text, after) == (["  exclude: [b] # not them"], ["  exclude: [b, c] # not them"])


def test_a_new_segment_stands_behind_its_own():
    new = Segment.model_validate({"id": "c", "where": {"did": "z"}})
    after = edited(BLOCK, "a", lambda d: d.update(exclude=["c"]), added=(new,))
    assert [s.id for s in load_segments({"a.yaml": after}).segments] == ["a", "c", "b"]
    assert "# about b\n- id: b" in after


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("\n", "\r\n"),
        BLOCK.rstrip("\n"),
        "\ufeff" + BLOCK,
        "segments:\n" + "".join(f"  {line}\n" if line else "\n" for line in BLOCK.splitlines()),
    ],
    ids=["windows", "no last newline", "byte order mark", "below a key"],
)
def test_other_files(text, tmp_path):
    after = edited(text, "b", lambda d: d["where"].update(within="14d"))
    assert after == text.replace("did: x, within: 7d", "did: x, within: 14d")
    (tmp_path / "a.yaml").write_bytes(text.encode())
    (tmp_path / "e.diff").write_bytes(unified("a.yaml", text, after).encode())
    for step in (["init", "-q"], ["apply", "e.diff"]):
        subprocess.run(["git", *step], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "a.yaml").read_bytes() == after.encode()


def test_json_stays_json():
    text = '[{"id": "a", "where": {"did": "v", "within": "7d"}}]'
    after = edited(
        text,
        "a",
        lambda d: (d.update(status="archived"), d["where"].update(within="14d")),
        file="a.json",
    )
    assert after == '[{"id": "a", "where": {"did": "v", "within": "14d"}, "status": "archived"}]'


def test_a_shared_part_is_left_alone():
    text = "- id: a\n  where: &w {did: v, within: 7d}\n- id: b\n  where: *w\n"
    with pytest.raises(UnwritableError):
        edited(text, "a", lambda d: d["where"].update(within="14d"))


def test_a_shorthand_is_written_out_where_it_has_to_be():
    text = "- id: a\n  where: {did: v, where: {path: /x}}\n"

    def change(d):
        d["where"]["where"]["path"] = {"starts_with": "/x"}

    assert "path: {starts_with: /x}" in edited(text, "a", change)
