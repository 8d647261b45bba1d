"""Snapshots: the same for the same definitions and data, and honest about what is outside."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fewer.errors import GuardError
from fewer.journey.define.guard import candidates, verdict
from fewer.language.write import to_yaml
from fewer.project.project import Project
from fewer.project.snapshot import Snapshot
from project import florist


@pytest.fixture
def folder(ingested, tmp_path) -> Path:
    return shutil.copytree(ingested, tmp_path / "florist")


def _build(folder: Path, **how) -> Snapshot:
    with Project.open(folder) as project:
        return project.build(as_of=how.pop("as_of", florist.AS_OF), **how)


def _bytes(snapshot: Snapshot) -> dict[str, tuple[bytes, bytes]]:
    return {
        id_: (result.matched.serialize(), result.members.serialize())
        for id_, result in snapshot.record.segments.items()
    }


def test_members_by_hand(built, world):
    snapshot = built.snapshot()
    members, matched = florist.members(world), florist.matched(world)
    for id_, view in snapshot.segments.items():
        assert set(snapshot.members(id_).to_pylist()) == members[id_], id_
        assert set(built.keys.of(view.matched).to_pylist()) == matched[id_], id_
    assert snapshot.universe == len(world.everyone)


def test_the_same_fingerprint_is_the_same_bytes(folder, world, tmp_path):
    one, again = _build(folder), _build(folder)
    assert one.fingerprint == again.fingerprint
    assert one.id != again.id
    assert _bytes(one) == _bytes(again)
    # The same files in another folder are the same data, numbers of people too.
    elsewhere = florist.write(world, tmp_path / "elsewhere")
    with Project.open(elsewhere) as project:
        project.ingest()
        other = project.build(as_of=florist.AS_OF)
    assert other.fingerprint == one.fingerprint
    assert _bytes(other) == _bytes(one)
    # What is read back is what was saved.
    with Project.open(folder) as project:
        assert _bytes(project.snapshot(one.id)) == _bytes(one)


@pytest.mark.parametrize(
    "file, old, new",
    [
        ("segments/all.yaml", "within: 21d", "within: 22d"),
        ("fewer.yaml", "exclude: [recent_buyers, staff]", "exclude: [staff]"),
        ("fewer.yaml", "phone_region: DE", "phone_region: DE, session_gap: 1h"),
        ("data/staff.csv", "f-17", "f-18"),
    ],
)
@pytest.mark.slow
def test_whatever_members_depend_on_changes_the_fingerprint(folder, file, old, new):
    before = _build(folder).fingerprint
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    if file.startswith("data"):
        with Project.open(folder) as project:
            project.ingest()
    assert _build(folder).fingerprint != before


def test_what_members_do_not_depend_on_leaves_it(folder):
    before = _build(folder).fingerprint
    path = folder / "goals.yaml"
    path.write_text(path.read_text().replace("7d", "6d"))
    (folder / "creatives/all.yaml").unlink()
    assert _build(folder).fingerprint == before
    assert _build(folder, as_of="2024-04-07").fingerprint != before


def test_only_some(folder, world):
    some = _build(folder, only=["cart_left"])
    # With what it needs: its exclusions are computed, and counted, too.
    assert some.segments.keys() == {"cart_left", "roses", "recent_buyers", "staff"}
    assert some.size("cart_left") == len(florist.members(world)["cart_left"])
    variants = _build(folder, only=["pricing_hot"]).segments
    assert variants.keys() >= {"pricing_hot", "pricing_hot@7d", "pricing_hot@30d"}


def test_a_partial_build_does_not_hide_changes(folder, world):
    """In and out are against the newest build that knows the segment."""
    from datetime import datetime

    _build(folder, as_of="2024-04-02")
    _build(folder, only=["staff"])
    now = _build(folder).segments["pricing_hot"]
    earlier = datetime(2024, 4, 2, tzinfo=florist.ZONE).astimezone(florist.UTC)
    before = florist.members(world, earlier)["pricing_hot"]
    after = florist.members(world)["pricing_hot"]
    assert (now.entered, now.exited) == (len(after - before), len(before - after))


# ----------------------------------------------------------------------------------- the guard


def test_exclusions_may_be_of_any_size(built):
    for id_ in ("recent_buyers", "staff"):
        view = built.snapshot().segments[id_]
        assert view.is_exclusion
        assert view.verdict == "within"
        assert view.proposals == ()


def test_proposals_give_what_they_say(built, folder):
    """Each proposed edit, written into the file, builds to the size it promised."""
    text = (folder / "segments/all.yaml").read_text()
    proposed = 0
    for id_, view in built.snapshot().segments.items():
        for proposal in view.proposals:
            words, _, rest = proposal.partition(" would give ")
            [edit] = [c for c in candidates(view.definition) if c.words == words]
            edited = edit.segment.model_copy(update={"id": id_})
            block = next(b for b in text.split("\n\n") if b.startswith(f"- id: {id_}\n"))
            (folder / "segments/all.yaml").write_text(
                text.replace(block, to_yaml([edited]).rstrip()), encoding="utf-8"
            )
            size = _build(folder, only=[id_]).size(id_)
            assert size == int(rest.split()[0].replace(",", "")), (id_, proposal)
            inside = verdict(size, view.definition.size) == "within"
            assert inside == ("still outside" not in proposal)
            proposed += 1
    assert proposed >= 2


def test_segments_of_the_wrong_size_get_a_proposal(built):
    views = built.snapshot().segments
    outside = {i for i, v in views.items() if v.verdict != "within"}
    assert outside == {"quiet", "quiet@7d", "quiet@10d", "cart_left"} | (outside & {"pricing_hot"})
    assert views["quiet"].proposals
    assert views["cart_left"].proposals
    assert not any(v.proposals for i, v in views.items() if i not in outside)


def test_an_enforced_guard_saves_nothing(folder):
    path = folder / "segments/all.yaml"
    path.write_text(path.read_text().replace("{min: 2, max: 3}", "{min: 2, max: 3, enforce: true}"))
    with Project.open(folder) as project:
        with pytest.raises(GuardError, match="quiet has 5 people, wanted 2 to 3") as refused:
            project.build(as_of=florist.AS_OF)
        assert "would give" in str(refused.value)
        assert project.builds() == []


# ----------------------------------------------------------------------------- after new data


def test_why_says_when_the_data_has_moved_on(folder):
    """A snapshot never changes; the reasons are read from today's data, and say so."""
    with Project.open(folder) as project:
        project.build(as_of=florist.AS_OF)
        late = f"f-30,{florist.micros(florist.MOMENT) - 1},page_view,/pricing,,\n"
        web = folder / "data/web-c.csv"
        web.write_text(f"user,at,action,page,item,note\n{late}")
        project.ingest()
        assert "f-30" not in project.snapshot().members("pricing_hot").to_pylist()
        answer = project.why("pricing_hot", "f-30")
        assert answer.member is False  # what the snapshot says
        assert answer.root.holds is True
        assert "changed" in answer.note
        assert project.why("pricing_hot", "f-24").note == ""
