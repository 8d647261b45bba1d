import pickle
import traceback

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fewer.data.identity.bucket import share_of
from fewer.data.identity.hashing import Digest, digest, hash_all
from fewer.data.identity.normalise import PLAIN_KINDS, Unusable, UnusableError, normalise
from fewer.data.identity.rules import PLATFORMS
from fewer.model.condition import SampleRule

KINDS = ("email", "phone", "first_name", "last_name", *PLAIN_KINDS)


@pytest.mark.parametrize(
    "kind, raw, reason",
    [
        ("email", None, Unusable.MISSING),
        ("email", " \u200b ", Unusable.MISSING),
        ("email", "jane.doe", Unusable.NOT_AN_EMAIL),
        ("email", "jane@", Unusable.NOT_AN_EMAIL),
        ("email", "jane@localhost", Unusable.NOT_AN_EMAIL),
        ("email", "jane@[127.0.0.1]", Unusable.NOT_AN_EMAIL),
        ("email", "jane@host.invalid", Unusable.NOT_AN_EMAIL),
        ("email", "a@b@example.com", Unusable.NOT_AN_EMAIL),
        ("email", "jane doe@example.com", Unusable.NOT_AN_EMAIL),
        ("phone", "", Unusable.MISSING),
        ("phone", "call me", Unusable.NOT_A_PHONE),
        ("phone", "()", Unusable.NOT_A_PHONE),
        ("phone", "+1 555 0100", Unusable.NOT_A_PHONE),
        ("phone", "2125550100", Unusable.NO_COUNTRY_CODE),
        ("country", "United States", Unusable.NOT_A_COUNTRY),
        ("country", "UK", Unusable.NOT_A_COUNTRY),
        ("gender", "?", Unusable.NOT_A_GENDER),
        ("birth_month", "13", Unusable.NOT_A_DATE),
        ("birth_day", "²", Unusable.NOT_A_DATE),
        ("birth_year", "90", Unusable.NOT_A_DATE),
        ("first_name", "'-'", Unusable.NOT_A_NAME),
        ("device_id", "00000000-0000-0000-0000-000000000000", Unusable.NOT_A_DEVICE_ID),
    ],
)
def test_unusable_values_have_a_reason(kind, raw, reason):
    with pytest.raises(UnusableError) as caught:
        normalise(kind, raw)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "raw, region, expected",
    [
        ("(212) 555-0142", "US", "+12125550142"),
        ("+001-800-555-1234", None, "+18005551234"),
        ("0049 30 901820", None, "+4930901820"),
        ("+44 (0)113 496 0987", "GB", "+441134960987"),
        ("030 901820", "DE", "+4930901820"),
        ("+12125550142", "DE", "+12125550142"),  # a country code wins over the region
        ("\u202a+1 212 555 0142\u202c", None, "+12125550142"),  # copied from a contact card
    ],
)
def test_phones_as_people_write_them(raw, region, expected):
    assert normalise("phone", raw, region=region) == expected


@pytest.mark.parametrize(
    "platform, expected",
    [
        ("plain", "jane.doe+news@gmail.com"),
        ("meta", "jane.doe+news@gmail.com"),
        ("google", "janedoe@gmail.com"),
        ("uid2", "janedoe@gmail.com"),
        ("reddit", "janedoe@gmail.com"),
        ("linkedin", "jane.doe+news@gmail.com"),
    ],
)
def test_the_same_address_differs_by_platform(platform, expected):
    assert normalise("email", " Jane.Doe+News@GMAIL.com", platform=platform) == expected


def test_domains_for_trials_pass():
    assert normalise("email", "Jane@Shop.Example") == "jane@shop.example"
    assert normalise("email", "jane@mail.test") == "jane@mail.test"


def test_folding_stops_at_the_domains_it_is_for():
    assert normalise("email", "a.b+c@example.com", platform="google") == "a.b+c@example.com"
    assert normalise("email", "a.b@googlemail.com", platform="uid2") == "a.b@googlemail.com"
    assert normalise("email", "a.b+c@example.com", platform="reddit") == "ab@example.com"


@given(
    kind=st.sampled_from(KINDS),
    platform=st.sampled_from(sorted(PLATFORMS)),
    raw=st.one_of(
        st.text(max_size=30),
        st.emails(),
        st.from_regex(r"\+?[0-9 ()-]{6,16}", fullmatch=True),
    ),
)
def test_a_normal_form_is_its_own_normal_form(kind, platform, raw):
    try:
        once = normalise(kind, raw, platform=platform, region="US")
    except UnusableError:
        assume(False)
    again = "+" + once if kind == "phone" and not once.startswith("+") else once
    assert normalise(kind, again, platform=platform, region="US") == once
    assert once == once.strip()
    assert once


@given(raw=st.text(min_size=4, max_size=30), kind=st.sampled_from(KINDS))
def test_an_error_never_holds_the_identifier(raw, kind):
    marked = f"secret{raw}secret"
    error = None
    try:
        normalise(kind, marked, region="US")
    except UnusableError as raised:
        error = raised
    assume(error is not None)
    # What a log would show: the text, the arguments and, unless suppressed, the cause.
    shown = "".join(traceback.format_exception(error, limit=0)) + repr(error.args)
    assert "secret" not in shown


def test_names_that_nobody_declared():
    with pytest.raises(KeyError, match="no identifier rules for 'myspace'; known: plain, meta"):
        normalise("email", "jane@example.com", platform="myspace")
    with pytest.raises(KeyError, match="shoe_size"):
        normalise("shoe_size", "43")


def test_every_platform_says_where_its_rules_are_written():
    assert all(rules.source for rules in PLATFORMS.values())


def test_a_digest_hides_in_repr_and_stays_whole_in_str():
    hashed = digest("jane@example.com")
    assert repr(hashed) == f"Digest({hashed[:6]}…)"
    assert hashed not in repr([hashed])
    assert len(str(hashed)) == 64
    assert isinstance(pickle.loads(pickle.dumps(hashed)), Digest)  # noqa: S301  our own bytes


def test_hash_all_keeps_order_and_counts_reasons():
    hashed = hash_all("email", ["B@example.com", None, "no", "a@example.com", ""])
    assert [d is None for d in hashed.digests] == [False, True, True, False, True]
    assert hashed.digests[0] == digest("b@example.com")
    assert hashed.unusable == {"missing": 2, "not an e-mail address": 1}
    assert hashed.usable == 2


def test_base64_where_the_platform_wants_it():
    [hashed] = hash_all("email", ["JANESAOIRSE@example.com"], platform="uid2").digests
    assert str(hashed) == "1mcOepIAfxtf94Xx/IHlOqbT170GvfXEc83HKGwoS20="


@given(person=st.text(max_size=20), salt=st.text(max_size=8), percent=st.integers(1, 99))
def test_buckets_follow_the_rule_of_the_language(person, salt, percent):
    from hashlib import sha256

    digits = sha256(f"{salt}:{person}".encode()).hexdigest()[:16]
    rule = SampleRule(percent=percent, salt=salt)
    assert (share_of(person, salt=salt) < percent / 100) == (digits < rule.threshold)
