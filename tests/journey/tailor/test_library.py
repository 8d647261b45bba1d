import pytest

from fewer.errors import DefinitionError, NotFoundError
from fewer.journey.tailor.library import load_creatives
from fewer.model.segment import Segment

SEGMENTS = [
    Segment.model_validate(
        {
            "id": "hot",
            "type": "engagement",
            "where": {"did": "view", "within": "7d"},
            "variants": {"lookback": ["7d", "14d"]},
        }
    ),
    Segment.model_validate({"id": "warm", "type": "engagement", "where": {"did": "view"}}),
]
GOOD = """\
- id: plain
  segment: hot
  format: onsite
  headline: Hello
"""


def problems(text):
    with pytest.raises(DefinitionError) as caught:
        load_creatives({"c.yaml": text}, SEGMENTS)
    return [(p.line, p.column, p.code, p.message) for p in caught.value.problems]


def one(text):
    [problem] = problems(text)
    return problem


def onsite(**lines):
    extra = "".join(f"  {name}: {value}\n" for name, value in lines.items())
    return "- id: a\n  segment: hot\n  format: onsite\n" + extra


def test_both_shapes_of_a_file_and_an_empty_one():
    listed = load_creatives({"a.yaml": GOOD, "empty.yaml": "# nothing yet\n"}, SEGMENTS)
    below = "creatives:\n" + "".join(f"  {line}\n" for line in GOOD.splitlines())
    assert [c.creative for c in load_creatives({"b.yaml": below}, SEGMENTS).creatives] == [
        c.creative for c in listed.creatives
    ]
    assert listed.get("plain").creative.headline == ("Hello",)
    with pytest.raises(NotFoundError, match=r"No creative 'plian'. Did you mean 'plain'"):
        listed.get("plian")


def test_order_in_which_creatives_are_tried():
    text = """\
- {id: by_type, type: engagement, format: onsite, headline: a}
- {id: by_name, segment: [warm, hot], format: onsite, headline: b}
- {id: variant, segment: hot@14d, format: onsite, headline: c}
- {id: mail, segment: hot, format: email, headline: d, body: e}
"""
    library = load_creatives({"c.yaml": text}, SEGMENTS)

    def tried(segment):
        return {name: [c.creative.id for c in group] for name, group in library.of(segment).items()}

    variant = SEGMENTS[0].model_copy(update={"id": "hot@14d"})
    assert tried(SEGMENTS[0]) == {"onsite": ["by_name", "by_type"], "email": ["mail"]}
    assert tried(variant) == {"onsite": ["variant", "by_name", "by_type"], "email": ["mail"]}
    assert tried(SEGMENTS[1]) == {"onsite": ["by_name", "by_type"]}


def test_a_mistake_in_a_template_is_found_in_its_line():
    assert one(onsite(headline="Hi {{ last.itm }}"))[:3] == (4, 19, "unknown_value")
    line, column, code, message = one(onsite(headline='"Hi {{ last.item | upcas }}"'))
    assert (line, column, code) == (4, 32, "template")
    assert "Did you mean 'upcase'" in message


def test_a_mistake_in_a_folded_text_is_found_in_its_line():
    text = onsite(headline="Hi", body="|\n    First line,\n    second {% iff last.item %} line")
    assert one(text)[:3] == (7, 15, "template")


def test_values_must_be_documented_or_declared():
    _, _, code, message = one(onsite(headline="{{ traits.plan }}".join('""')))
    assert code == "unknown_value"
    assert "'traits.plan'" in message
    assert load_creatives(
        {"c.yaml": onsite(headline='"{{ traits.plan }} {{ last.topic }} {{ item.color }}"',
                          traits="[plan]", properties="[topic, item.color]")},
        SEGMENTS,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text, code, word",
    [
        (GOOD.replace("hot", "hott"), "unknown_segment", "Did you mean 'hot'"),
        (GOOD.replace("onsite", "on_site"), "unknown_format", "Did you mean 'onsite'"),
        (GOOD.replace("onsite", "meta_feed"), "field_missing", "needs 'body'"),
        (GOOD + "  colour: red\n", None, "colour"),
        (GOOD + GOOD, "duplicate_id", "first at c.yaml:1:7"),
        (GOOD.replace("Hello", "H" * 121), "text_too_long", "121 characters; onsite takes 120"),
        (GOOD.replace("Hello", "[a, b]"), "number_of_texts", "takes 1 of 'headline', not 2"),
        (GOOD + "  landing_url: http://a.example/\n", "landing_url", "https://"),
        (GOOD + "  type: content\n", None, "exactly one of 'segment' and 'type'"),
        (GOOD + "  utm: {colour: red}\n", None, "utm parameters among"),
        ("hello", "not_a_list", "a list of creatives"),
        (
            GOOD.replace("onsite", "google_rsa") + "  offer: x\n  landing_url: https://a.example/\n",
            "field_not_shown", "shows no 'offer'",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_whatever_the_people(text, code, word):
    found = problems(text)
    assert any(word in message for *_, message in found), found
    assert code is None or code in {code for _, _, code, _ in found}


def test_a_fallback_is_plain():
    text = onsite(headline='"{{ last.item }}"', fallback="{headline: 'The {{ last.brand }}'}")
    line, _, code, message = one(text)
    assert (line, code) == (5, "fallback_not_plain")
    assert "shows last.brand" in message
    text = onsite(headline='"{{ last.item }}"', body="x", fallback="{body: plain}")
    assert "has no 'headline' of its own" in one(text)[3]


def test_a_fallback_takes_over_plain_fields():
    text = onsite(headline="Plain", body='"{{ last.item }}"', fallback="{body: also plain}")
    [compiled] = load_creatives({"c.yaml": text}, SEGMENTS).creatives
    assert {name: [t.text for t in lines] for name, lines in compiled.fallback.items()} == {
        "headline": ["Plain"],
        "body": ["also plain"],
    }


def test_all_problems_of_all_files_at_once():
    with pytest.raises(DefinitionError) as caught:
        load_creatives(
            {
                "a.yaml": GOOD.replace("hot", "cold") + "  body: '{{ last.x }}'\n",
                "b.yaml": GOOD.replace("Hello", "'{{ last.y'"),
            },
            SEGMENTS,
        )
    places = [(p.file, p.line, p.code) for p in caught.value.problems]
    assert places == [
        ("a.yaml", 2, "unknown_segment"),
        ("a.yaml", 5, "unknown_value"),
        ("b.yaml", 1, "duplicate_id"),
        ("b.yaml", 4, "template"),
    ]
