import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.journey.tailor.formats import FORMATS
from fewer.journey.tailor.landing import has_fixed_host, utm_value, with_utm
from fewer.journey.tailor.template import (
    MissingValueError,
    TemplateError,
    clean,
    compile_template,
)

VALUES = {"last": {"item": "Arden Mixer", "days_ago": 3, "odd": "a\nb\x00{{ last.days_ago }}<b>"}}


@pytest.mark.parametrize(
    "text, rendered",
    [
        ("Plain", "Plain"),
        ("The {{ last.item }}, {{ last.days_ago }} days", "The Arden Mixer, 3 days"),
        ("{{ last.item | upcase | truncate: 8, '' }}", "ARDEN MI"),
        ("{{ last.brand | default: 'ours' }}", "ours"),
        ("{% if last.brand %}by {{ last.brand }}{% else %}ours{% endif %}", "ours"),
        ("{% if last.days_ago > 2 %}a while{% endif %}", "a while"),
        ("{% assign d = last.days_ago | plus: 1 %}{{ d }}", "4"),
        ("{{ last.odd }}", "a b{{ last.days_ago }}<b>"),  # values are never templates
        ("a\n\n  b\t", "a b"),
    ],
)
def test_rendering(text, rendered):
    assert compile_template(text).render(VALUES) == rendered


def test_variables_are_those_from_outside():
    template = compile_template("{% assign x = last.item %}{{ x }} {{ traits.plan }}")
    assert template.variables == ("last.item", "traits.plan")
    assert template.places == {"last.item": 14, "traits.plan": 37}
    assert compile_template("{{ last['item'] }}").variables == ("last.item",)
    assert compile_template("no values").is_plain


@pytest.mark.parametrize("text", ["{{ last.brand }}", "{{ last.brand | upcase }}"])
def test_a_missing_value_is_named(text):
    with pytest.raises(MissingValueError, match=r"^last\.brand is missing$"):
        compile_template(text).render(VALUES)


@pytest.mark.parametrize(
    "text, index, message",
    [
        ("a {{ last.item | upcas }}", 17, "No filter 'upcas' in templates. Did you mean 'upcase'"),
        ("{% for i in (1..9) %}{{ i }}{% endfor %}", 3, "No tag 'for' in templates"),
        ("{% include 'x' %}", 3, "No tag 'include'"),
        ("{{ 'now' | date: '%Y' }}", 11, "No filter 'date'"),
        ("{{ (1..900000000) | join: ',' }}", 20, "No filter 'join'"),
        ("a {% if %}b{% endif %}", 5, "This is not a template"),
        ("{{ last.item", 0, "This is not a template"),
        ("x" * 4_001, 0, "at most 4,000 characters"),
    ],
)
def test_mistakes_have_a_place(text, index, message):
    with pytest.raises(TemplateError) as caught:
        compile_template(text)
    assert message in caught.value.message
    assert caught.value.index == index


def test_a_text_that_grows_without_end_is_stopped():
    doubled = "{% assign s = 'xxxxxxxx' %}" + "{% assign s = s | append: s %}" * 60
    with pytest.raises(MissingValueError, match="too much text"):
        compile_template(doubled + "{{ s }}").render({})
    huge = "{% assign n = 99 %}" + "{% assign n = n | times: n %}" * 40
    with pytest.raises(MissingValueError):
        compile_template(huge + "{{ n }}").render({})


@given(st.text(max_size=60))
def test_clean_text_is_one_visible_line(text):
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert cleaned == " ".join(cleaned.split())
    joiners = "\u200c\u200d"
    assert all(
        c in joiners or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
        for c in cleaned
    )


def test_clean_keeps_what_scripts_and_emoji_are_made_of():
    assert clean("👩\u200d🚀 क्\u200dष") == "👩\u200d🚀 क्\u200dष"
    assert clean("e\u0301") == "é"


@given(st.text(max_size=30), st.text(max_size=30))
def test_values_can_not_leave_their_place_in_an_address(item, more):
    template = compile_template("https://shop.example.com/a/{{ last.item }}?q={{ last.more }}#end")
    url = template.render({"last": {"item": item, "more": more}}, in_url=True)
    start, _, rest = url.partition("https://shop.example.com/a/")
    path, _, query = rest.partition("?q=")
    value, _, fragment = query.partition("#")
    assert (start, fragment) == ("", "end")
    assert not set(path + value) & set("/?#&= \"'<>")


@pytest.mark.parametrize(
    "address, fixed",
    [
        ("https://shop.example.com/{{ last.item_id }}", True),
        ("https://shop.example.com", True),
        ("https://shop.example.com?x={{ last.item_id }}", True),
        ("http://shop.example.com/", False),
        ("https://{{ last.item }}/", False),
        ("https://shop.example.com{{ last.item }}", False),
        ("//shop.example.com/", False),
        ("javascript:alert(1)", False),
        ("https://user@evil.example.com/", False),
    ],
)
def test_the_host_is_written_out(address, fixed):
    assert has_fixed_host(address) is fixed


def test_parameters_of_an_address():
    url = "https://a.example/p?x=%20b&utm_source=kept#f"
    assert with_utm(url, {"source": "s", "term": "t"}) == (
        "https://a.example/p?x=%20b&utm_source=kept&utm_term=t#f"
    )
    assert utm_value("Köln & Café") == "k-ln-caf"
    assert utm_value("") == ""


def test_google_counts_wide_characters_twice():
    assert FORMATS["google_rsa"].length("靴とブーツ") == 10
    assert FORMATS["meta_feed"].length("靴とブーツ") == 5


def test_formats_are_whole():
    for shown in FORMATS.values():
        assert shown.source
        assert set(shown.limits) <= {"headline", "body", "call_to_action", "offer", "landing_url"}
        for limit in shown.limits.values():
            assert 0 <= limit.at_least <= limit.at_most
            assert limit.shown is None or limit.shown < limit.most
