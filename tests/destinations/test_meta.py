"""Meta's destination against a stand-in that shares no code with it. Simulated, not verified."""

from __future__ import annotations

import hashlib

import pytest

from fewer.destinations.base import Batch, DeniedError, NotYetError, Opening, Remote, ThrottledError
from fewer.destinations.meta import MetaDestination
from fewer.destinations.sandbox.meta import Meta
from fewer.destinations.sandbox.server import Faults
from fewer.errors import DeliveryError

COLUMNS = ("email_sha256", "phone_sha256", "first_name_sha256", "last_name_sha256", "country")
KEY = "a key of the tests"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def row(n):
    return (digest(f"{n}@example.com"), None, digest("ann"), None, "DE")


def batch(op, numbers, *, session=7, number=1, of=1):
    rows = tuple(row(n) for n in numbers)
    return Batch(op, COLUMNS, rows, session, number, of, len(rows))


@pytest.fixture
def platform():
    with Meta(KEY) as found:
        yield found


@pytest.fixture
def meta(platform):
    found = opened(platform)
    yield found
    found.close()


def opened(platform, key=KEY, waits=(0.001, 0.01, 1.0), **options):
    opening = Opening(key, f"{platform.url}/v25.0", {"ad_account": "act_42", **options}, waits)
    return MetaDestination.of(opening)


def there(meta, segment="roses", **more):
    remote = Remote(segment, "Saw roses", COLUMNS, **more)
    return Remote(segment, "Saw roses", COLUMNS, meta.ensure(remote), **more)


def test_an_audience_is_made_once_and_found_again(meta, platform):
    first = there(meta)
    assert there(meta).id == first.id
    assert there(meta, "tulips").id != first.id
    assert len(platform.audiences) == 2
    assert platform.audiences[first.id].description == "fewer:roses"


def test_it_is_found_on_a_later_page(meta, platform):
    made = [there(meta, f"s{n}").id for n in range(205)]
    assert there(meta, "s204").id == made[-1]
    assert len(platform.audiences) == 205


def test_people_are_added_and_removed(meta, platform):
    remote = there(meta)
    assert meta.send(remote, batch("add", range(5))).accepted == 5
    members = platform.audiences[remote.id].members
    assert (digest("0@example.com"), "", digest("ann"), "", digest("de")) in members
    assert meta.send(remote, batch("remove", range(3), session=8)).accepted == 3
    assert len(members) == 2


def test_sending_twice_changes_nothing(meta, platform):
    remote = there(meta)
    for _ in range(2):
        meta.send(remote, batch("add", range(5)))
    assert len(platform.audiences[remote.id].members) == 5


def test_sessions_are_in_order(meta):
    remote = there(meta)
    meta.send(remote, batch("add", range(2), number=1, of=2))
    meta.send(remote, batch("add", range(2, 4), number=2, of=2))
    with pytest.raises(DeliveryError, match="out of order"):
        meta.send(remote, batch("add", [9], number=4, of=4))


def test_rows_it_can_not_use_are_counted_and_uncertain(meta, platform):
    platform.faults = Faults(refused_rows=0.5, seed=3)
    answer = meta.send(there(meta), batch("add", range(20)))
    assert 0 < answer.accepted < 20
    assert answer.refused_somewhere == {"Meta can't use it": 20 - answer.accepted}


def test_an_audience_that_is_not_there_yet():
    with Meta(KEY, hides=2) as platform:
        meta = opened(platform)
        assert meta.send(there(meta), batch("add", [1])).accepted == 1  # waited for
        meta.close()
    with Meta(KEY, hides=99) as platform:
        meta = opened(platform)
        with pytest.raises(NotYetError):
            meta.send(there(meta), batch("add", [1]))
        meta.close()


def test_its_own_way_to_say_too_much():
    with Meta(KEY, Faults(throttled=1.0, wait=0.001)) as platform:
        meta = opened(platform, waits=(0.001, 0.002, 0.2))
        with pytest.raises(ThrottledError, match="80003") as error:
            there(meta)
        assert error.value.after == pytest.approx(0.001)
        assert platform.counts["requests"] > 1
        meta.close()


def test_a_wrong_key_ends_at_once(platform):
    meta = opened(platform, key="another")
    with pytest.raises(DeniedError, match="ads_management"):
        there(meta)
    assert platform.counts["requests"] == 1
    meta.close()


def test_a_name_that_says_too_much_is_refused_in_words(meta):
    remote = Remote("d", "Diabetes readers", COLUMNS)
    with pytest.raises(DeliveryError, match="Audience Upload Blocked"):
        meta.ensure(remote)


def test_exclusion_audiences_say_so(meta, platform):
    remote = there(meta, exclusion=True)
    assert platform.audiences[remote.id].exclusion


def test_neither_key_nor_people_are_in_addresses_or_logs(meta, platform, caplog):
    seen = []
    answer = platform.answer
    platform.answer = lambda request: (seen.append(request.path), answer(request))[1]
    with caplog.at_level(0):
        remote = there(meta)
        meta.send(remote, batch("add", range(3)))
        meta.send(remote, batch("remove", range(3), session=9))
    text = " ".join(seen) + caplog.text
    assert KEY not in text
    assert digest("1@example.com") not in text


@pytest.mark.parametrize(
    "options,key,words",
    [({"ad_account": "mine"}, KEY, "is a number"), ({}, "", "needs a `secret`")],
)
def test_settings(platform, options, key, words):
    with pytest.raises(DeliveryError, match=words):
        opened(platform, key=key, **options)


def test_an_account_is_needed():
    with pytest.raises(DeliveryError, match="ad_account"):
        MetaDestination.of(Opening(KEY))
