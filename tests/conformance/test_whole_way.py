"""From files through the store to a snapshot: the members must still be the oracle's.

What an engine is given elsewhere in this folder, the store makes here: numbers of persons,
coded columns, versions, days, one row for each repeated event.
"""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from conformance.engines import expected, scene_of
from fewer.model.segment import Segment
from fewer.project.project import Project
from oracle.drawn import draw
from oracle.segments import Answer
from projects import FORMS, Form, storable, write
from strategies.definition import Asked, segments
from strategies.dice import Seeded
from strategies.scene import Painter, Scene

CASES = [
    pytest.param(form, seed, marks=() if seed == 5_000 else pytest.mark.slow, id=f"{form}-{seed}")
    for form in FORMS
    for seed in range(5_000, 5_010)
]


def drawn(form: Form, seed: int) -> tuple[Scene, Asked]:
    dice = Seeded(seed)
    scene = Painter(dice).scene()
    scene = replace(scene, world=storable(scene.world, form))
    return scene, segments(dice, scene, 40)


def members(project: Project, as_of: int, right: Answer) -> dict[str, set[str]]:
    snapshot = project.build(as_of=as_of)
    return {id_: set(snapshot.members(id_).to_pylist()) for id_ in right.members}


@pytest.mark.parametrize("form, seed", CASES)
def test_members(form, seed, tmp_path: Path):
    scene, asked = drawn(form, seed)
    write(scene, asked, tmp_path, form)
    right = expected(scene, asked)
    keys = scene.world.persons
    wanted = {id_: {keys[p] for p in people} for id_, people in right.members.items()}
    with Project.open(tmp_path) as project:
        project.ingest()
        assert project.quarantine_counts() == []
        assert members(project, scene.as_of_us, right) == wanted
        project.ingest()  # the same files again add nothing
        if form == "jsonl":
            _twice(tmp_path / "events.jsonl", seed)
            project.ingest()  # rows that are known by their id add nothing either
        assert members(project, scene.as_of_us, right) == wanted


def _twice(path: Path, seed: int) -> None:
    """Every row of the file again, in another order."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    random.Random(seed).shuffle(lines)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


@pytest.mark.parametrize(
    "form",
    [
        "csv",
        "parquet",
        "jsonl",
    ],
)
def test_every_digit_of_a_number(form, tmp_path: Path):
    """A number is an exact decimal with six places, whatever file it comes from."""
    exact = Decimal("4611686018427.387904")  # a double ends at ...388
    world = draw(traits={"exact": {"v": exact}, "other": {"v": exact + Decimal("0.000001")}})
    where = {"trait": "v", "equals": exact}
    asked = Asked((Segment.model_validate({"id": "it", "where": where}),))
    scene = scene_of(world)
    write(scene, asked, tmp_path, form)
    with Project.open(tmp_path) as project:
        project.ingest()
        assert members(project, scene.as_of_us, expected(scene, asked)) == {"it": {"exact"}}
