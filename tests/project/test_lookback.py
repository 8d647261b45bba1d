"""Windows over rolling moments, against a plain count of the same bands."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from fewer.errors import DefinitionError, NotFoundError
from fewer.interfaces.report import decay
from fewer.project.project import Project
from project import reading

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows():
    return reading.world(people=900)


@pytest.fixture(scope="module")
def magazine(rows, tmp_path_factory):
    folder = reading.write(tmp_path_factory.mktemp("lookback") / "magazine", rows)
    with Project.open(folder) as project:
        project.ingest()
        yield project


@pytest.fixture(scope="module")
def found(magazine):
    return magazine.lookback("readers", times=3, cost=0.01, value=50.0)


def test_bands_are_those_of_a_plain_count(found, rows):
    seen, bought = defaultdict(list), defaultdict(list)
    for person, at, event in rows:
        if event == "view":
            seen[person].append(at)
        elif event == "purchase":
            bought[person].append(at)
    expected = [[0, 0], [0, 0], [0, 0]]
    for micros in found.index_us:
        t = datetime.fromtimestamp(micros / 1e6, tz=UTC)
        for person, times in seen.items():
            past = [t - at for at in times if at < t]
            age = min(past) / timedelta(days=1) if past else 99
            band = next((n for n, edge in enumerate((7, 14, 30)) if age <= edge), None)
            if band is not None:
                after = (timedelta(0) <= at - t < timedelta(days=7) for at in bought[person])
                expected[band][0] += any(after)
                expected[band][1] += 1
    assert [[b.converted, b.looked] for b in found.bands] == expected
    assert [b.label for b in found.bands] == ["0-7 days", "8-14 days", "15-30 days"]


def test_totals_are_sums_of_bands(found):
    people = converted = 0
    for band in found.bands:
        people, converted = people + band.looked, converted + band.converted
        assert (band.total_looked, band.total_converted) == (people, converted)


def test_a_window_is_recommended_with_a_reason(found):
    assert found.advice.window in {"7d", "14d", "30d"}
    assert "assumed" in found.advice.because
    for one in found.worths:
        assert one.break_even is None or one.break_even > 0


def test_the_picture_has_a_table_beside_it(found):
    page = decay.page(found.to_json())
    assert page.count("<svg") == 1
    assert "<title>" in page
    assert '<th scope="row">14d</th>' in page
    assert "<script" not in page


def test_windows_that_cannot_be_compared(magazine):
    with pytest.raises(NotFoundError, match="reader"):
        magazine.lookback("reader")
    with pytest.raises(DefinitionError) as caught:
        magazine.lookback("ever")
    assert caught.value.problems[0].code == "no_lookback"
    with pytest.raises(DefinitionError) as caught:
        magazine.lookback("readers", windows=("7d", "soon"))
    assert caught.value.problems[0].code == "bad_duration"
    with pytest.raises(DefinitionError) as caught:
        magazine.lookback("singles", times=1)
    assert caught.value.problems[0].code == "windows_not_nested"


def test_windows_of_what_was_not_done_nest_the_other_way(magazine):
    quiet = magazine.lookback("none", times=1)
    assert [band.window for band in quiet.bands] == ["30d", "14d", "7d"]
    assert quiet.decay.half_life is None


def test_one_window_has_no_band_before(magazine):
    alone = magazine.lookback("readers", windows=("7d",), times=1)
    assert [band.step for band in alone.bands] == [None]
