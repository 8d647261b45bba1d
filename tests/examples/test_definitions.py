"""The real examples as written: files, definitions, and what their READMEs promise. No data."""

from __future__ import annotations

import pytest

from fewer.model.segment import expand
from fewer.project.creatives import library
from fewer.project.project import Project

TYPES = {"engagement", "content", "recency_frequency", "interest", "lookback"}
WANTED = {"grocer": 14, "retailer": 10}


@pytest.fixture(params=sorted(WANTED))
def project(request, examples):
    return Project.open(examples / request.param)


def test_enough_segments_of_all_types(project):
    segments = project.definitions.segments
    targets = [s for s in segments if "exclusion" not in s.tags]
    assert len(targets) >= WANTED[project.folder.root.name]
    assert {s.type for s in targets} >= TYPES


def test_lookback_variants_goals_exclusions_and_creatives(project):
    segments = project.definitions.segments
    assert sum(s.variants is not None for s in segments) >= 3
    assert len(project.definitions.goals) >= 2
    assert project.settings.exclude
    assert any(s.exclude for s in segments)
    assert len(library(project).creatives) >= 3


def test_ids_are_used_once(project):
    ids = [segment.id for segment in expand(project.definitions.segments)]
    assert len(ids) == len(set(ids))


def test_data_is_real_and_says_where_it_is_from(project):
    readme = (project.folder.root / "data/README.md").read_text()
    assert project.settings.data == "real"
    assert "CC0" in readme
    for source in project.settings.sources:
        for file in source.files:
            assert (project.folder.root / file).is_file()


def test_nothing_built_is_committed(project):
    assert not (project.folder.root / ".fewer").exists()
