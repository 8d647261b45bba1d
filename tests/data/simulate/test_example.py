"""The worked example of a shop: its definitions fit the files that the simulation writes."""

from pathlib import Path

import pytest

from fewer.data.simulate.shop import simulate
from fewer.journey.tailor.library import load_creatives
from fewer.language.files import load_definitions
from fewer.language.yaml import load, validate
from fewer.model.settings import ProjectSettings

SHOP = Path(__file__).parents[3] / "examples" / "shop"
TYPES = {"engagement", "content", "recency_frequency", "interest", "lookback"}


def texts(pattern):
    return {path.name: path.read_text() for path in sorted(SHOP.glob(pattern))}


@pytest.fixture(scope="module")
def definitions():
    return load_definitions(
        texts("segments/*.yaml"),
        texts("goals.yaml"),
        metrics=texts("metrics.yaml"),
        experiments=texts("experiments.yaml"),
    )


@pytest.fixture(scope="module")
def settings():
    return validate(load(texts("fewer.yaml")["fewer.yaml"], file="fewer.yaml"), ProjectSettings)


def test_all_five_types_and_lookbacks(definitions, settings):
    segments = [s for s in definitions.segments if s.id not in settings.exclude]
    assert len(segments) >= 15
    assert {segment.type for segment in segments} == TYPES
    assert sum(segment.variants is not None for segment in segments) >= 3
    assert set(settings.exclude) < {segment.id for segment in definitions.segments}
    assert {goal.id for goal in definitions.goals} == {"order", "order_usd", "request"}


def test_it_says_that_it_is_simulated(settings):
    assert settings.data == "simulated"


def test_every_file_is_mapped(settings, tmp_path):
    truth = simulate(tmp_path / "data", people=500, events=10_000, days=80)
    patterns = [pattern for source in settings.sources for pattern in source.files]
    found = {path.name for pattern in patterns for path in tmp_path.glob(pattern)}
    imported = {name for name in truth.rows if name.startswith("simulated-assigned-")}
    assert found == set(truth.rows) - imported  # those are for `fewer experiment import`
    assert not list(SHOP.glob("data/*")), "data of the example is made, never committed"


def test_effects_name_segments_that_exist(definitions, tmp_path):
    truth = simulate(tmp_path, people=500, events=10_000, days=80)
    named = {segment for effect in truth.effects for segment in effect.segments}
    assert named
    assert named <= set(definitions.segment_ids)


def test_creatives_fit_their_formats_and_segments(definitions):
    library = load_creatives(texts("creatives/*.yaml"), definitions.segments)
    formats = {compiled.creative.format for compiled in library.creatives}
    assert formats >= {"meta_feed", "google_rsa", "email"}
    tailored = [s for s in definitions.segments if library.of(s)]
    assert {s.type for s in tailored} >= {"engagement", "content", "interest", "recency_frequency"}
    personal = [c for c in library.creatives if c.variables]
    assert all(compiled.fallback or compiled.creative.id in PLAIN_ENOUGH for compiled in personal)


PLAIN_ENOUGH = {"pricing_compare_offer"}  # tests a value, never shows one that can be missing


def test_experiments_are_the_arms_that_were_planted(definitions, tmp_path):
    """Each can be imported from its file, and reads metrics that exist."""
    truth = simulate(tmp_path, people=500, events=10_000, days=80)
    planted = {one.id: [arm.name for arm in one.arms] for one in truth.experiments}
    known = {m.id for m in definitions.metrics} | {g.id for g in definitions.goals}
    for experiment in definitions.experiments:
        assert set(experiment.metrics) <= known
        if experiment.tests == "elsewhere":
            assert [arm.id for arm in experiment.arms] == planted[experiment.id]
            assert f"simulated-assigned-{experiment.id}.csv" in truth.rows
    assert {e.id for e in definitions.experiments} == {*planted, "pricing_again"} - {"window"}
