"""As at when: words to instants, and when now is no useful moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fewer.errors import DefinitionError
from fewer.model.window import to_utc_micros
from fewer.project import clock

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400_000_000
LAST = to_utc_micros(datetime(2024, 3, 31, 0, 59, 59, 999_999, tzinfo=UTC))


def test_now_is_now():
    before = datetime.now(UTC)
    found = datetime.fromtimestamp(clock.parse("now", BERLIN, last_ts=None) / 1e6, UTC)
    assert before - timedelta(milliseconds=1) <= found <= datetime.now(UTC)


def test_the_end_still_reads_the_newest_event():
    end = clock.parse("end", BERLIN, last_ts=LAST)
    assert LAST < end <= LAST + 1_000_000
    assert end % 1_000_000 == 0
    with pytest.raises(DefinitionError, match="no data yet"):
        clock.parse("end", BERLIN, last_ts=None)


@pytest.mark.parametrize("text", ["", "heute", "2024-02-30", "20240401", "1711843200", "2024-W14"])
def test_what_is_no_moment(text):
    with pytest.raises(DefinitionError, match="as_of_unreadable") as refused:
        clock.parse(text, BERLIN, last_ts=LAST)
    assert "'end' (of the data)" in str(refused.value)


@pytest.mark.parametrize(
    "days_later, window_days, stale",
    [(5, 7, False), (7, 7, False), (7.1, 7, True), (400, 0, False), (-3, 7, False)],
)
def test_staleness(days_later, window_days, stale):
    found = clock.staleness(LAST + round(days_later * DAY), LAST, window_days * DAY)
    assert (found is not None) == stale
    assert clock.staleness(LAST, None, 7 * DAY) is None


def test_words_name_the_zone():
    assert clock.words(LAST, BERLIN) == "31 March 2024, 01:59 CET"
    assert clock.words(LAST + 1, BERLIN) == "31 March 2024, 03:00 CEST"
    assert clock.day_words(LAST, BERLIN) == "31 Mar 2024"
    stale = clock.staleness(LAST + 41 * DAY, LAST, 40 * DAY)
    assert stale is not None
    assert "2024-03-31 00:59 UTC" in stale.words
    assert "(40 days)" in stale.words
