"""Klaviyo's destination against a stand-in that shares no code with it. Simulated, not verified."""

from __future__ import annotations

import pytest

from fewer.destinations.base import Batch, DeniedError, NotYetError, Opening, Remote
from fewer.destinations.klaviyo import KlaviyoDestination
from fewer.destinations.sandbox.klaviyo import Klaviyo
from fewer.destinations.sandbox.server import Faults
from fewer.errors import DeliveryError

COLUMNS = ("email", "phone", "first_name", "last_name", "external_id")
KEY = "a key of the tests"


def row(n):
    return (f"person{n}@example.com", None, "Ann", None, f"c-{n}")


def batch(op, numbers):
    rows = tuple(row(n) for n in numbers)
    return Batch(op, COLUMNS, rows, 7, 1, 1, len(rows))


@pytest.fixture
def platform():
    with Klaviyo(KEY) as found:
        yield found


@pytest.fixture
def klaviyo(platform):
    found = opened(platform)
    yield found
    found.close()


def opened(platform, key=KEY):
    return KlaviyoDestination.of(Opening(key, f"{platform.url}/api", {}, (0.001, 0.01, 1.0)))


def there(klaviyo, name="Saw roses"):
    remote = Remote("roses", name, COLUMNS)
    return Remote("roses", name, COLUMNS, klaviyo.ensure(remote))


def test_a_list_is_made_once_and_found_on_any_page(klaviyo, platform):
    made = [there(klaviyo, f"list {n}").id for n in range(25)]
    assert there(klaviyo, "list 24").id == made[24]
    assert len(platform.lists) == 25


def test_people_come_and_go(klaviyo, platform):
    remote = there(klaviyo)
    assert klaviyo.send(remote, batch("add", range(130))).accepted == 130
    assert klaviyo.send(remote, batch("add", range(130))).accepted == 130  # once more
    assert len(platform.profiles) == 130
    assert platform.profiles["P0000000"]["external_id"] == "c-0"
    assert klaviyo.send(remote, batch("remove", [*range(5, 130), 999])).accepted == 126
    assert platform.emails("Saw roses") == {f"person{n}@example.com" for n in range(5)}
    klaviyo.send(remote, batch("remove", [999]))  # who is not on it changes nothing
    assert platform.told() == {"Saw roses": 5}


def test_refused_rows_are_known_and_nobody_is_named(klaviyo, platform):
    platform.faults = Faults(refused_rows=0.5, seed=2)
    answer = klaviyo.send(there(klaviyo), batch("add", range(20)))
    assert 0 < answer.accepted < 20
    assert len(answer.refused) == 20 - answer.accepted
    assert set(answer.refused.values()) == {"invalid: … is suppressed here"}
    assert len(platform.emails("Saw roses")) == answer.accepted


def test_it_waits_when_asked_to(platform):
    platform.faults = Faults(throttled=0.3, failed=0.2, dropped_after=0.1, seed=5)
    klaviyo = opened(platform)
    assert klaviyo.send(there(klaviyo), batch("add", range(15))).accepted == 15
    assert platform.counts["throttled"] > 0
    klaviyo.close()


def test_a_wrong_key(platform):
    klaviyo = opened(platform, key="another")
    with pytest.raises(DeniedError):
        there(klaviyo)
    klaviyo.close()


def test_a_list_that_was_deleted(klaviyo, platform):
    remote = there(klaviyo)
    platform.lists.clear()
    with pytest.raises(NotYetError):
        klaviyo.send(remote, batch("add", [1]))
    with pytest.raises(NotYetError):
        klaviyo.send(remote, batch("remove", [1]))


def test_nobody_is_in_an_address_or_a_log(klaviyo, platform, caplog):
    seen = []
    answer = platform.answer
    platform.answer = lambda request: (seen.append(request.path), answer(request))[1]
    with caplog.at_level(0):
        remote = there(klaviyo)
        klaviyo.send(remote, batch("add", range(3)))
        klaviyo.send(remote, batch("remove", range(3)))
    text = " ".join(seen) + caplog.text
    assert KEY not in text
    assert "person1" not in text


def test_a_key_is_needed():
    with pytest.raises(DeliveryError, match="private key"):
        KlaviyoDestination.of(Opening())
