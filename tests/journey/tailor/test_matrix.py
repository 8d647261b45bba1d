"""Messages for people of small worlds, against what plain Python says about their last action."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.evaluate.plan.clock import Clock
from fewer.evaluate.sql.functions.duckdb import DUCKDB
from fewer.journey.tailor.context import read
from fewer.journey.tailor.library import load_creatives
from fewer.journey.tailor.matrix import NO_CREATIVE, tailor, tailor_all
from fewer.model.creative import Creative
from fewer.model.segment import Segment
from oracle.world import Event, World
from worlds import load

DAY = 86_400_000_000
AS_OF = 20_000 * DAY
CLOCK = Clock(AS_OF, ZoneInfo("Europe/Berlin"))
SEGMENT = Segment.model_validate({"id": "hot", "type": "interest", "where": {"did": "view"}})

ITEMS = {
    "m1": {"name": "Mixer 1", "category": "Home > Kitchen > Mixers", "brand": "Arden"},
    "s1": {"name": "Road Shoe", "category": "Sport > Running", "color": "red"},
    "x1": {},
}


def event(number, person, days_ago, name="view", **properties):
    ts = AS_OF - int(days_ago * DAY)
    return Event(f"e{number:03d}", person, ts, name, properties)


WORLD = World(
    persons={n: f"p{n}" for n in range(1, 9)},
    events=(
        event(1, 1, 9, item_id="s1"),
        event(2, 1, 2, item_id="m1", value=Decimal("59.5")),
        event(3, 2, 3.5, item_id="s1", revenue=Decimal(20), currency="EUR"),
        event(4, 3, 1, item_id="gone"),
        event(5, 4, 1, path="/"),
        event(6, 5, 40, item_id="m1"),
        event(7, 6, 1, name="cart", item_id="m1"),
        event(8, 7, -1, item_id="m1"),  # after as_of: nobody has seen it yet
    ),
    people={1: {"plan": "pro"}, 3: {"plan": "free"}},
    items=ITEMS,
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return load(WORLD, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def engine(loaded):
    engine = DuckDBEngine(loaded.relations, loaded.catalog, threads=1)
    yield engine
    engine.close()


def sheets(engine, loaded, text, members=range(1, 9)):
    library = load_creatives({"c.yaml": text}, [SEGMENT])
    return tailor(engine, library, SEGMENT, BitMap(members), catalog=loaded.catalog, clock=CLOCK)


def said(sheet):
    """Headline -> people who read it."""
    return {m.texts["headline"][0]: set(m.persons) for m in sheet.messages}


def test_a_missing_trait_is_told_by_its_name(engine, loaded):
    text = (
        "- {id: a, segment: hot, format: onsite, traits: [shade], headline: '{{ traits.shade }}'}"
    )
    [sheet] = sheets(engine, loaded, text)
    assert dict(sheet.without) == {"traits.shade is missing": 8}


def test_each_person_reads_about_their_last_item(engine, loaded):
    [sheet] = sheets(
        engine,
        loaded,
        """\
- id: item
  segment: hot
  format: onsite
  last: {did: [view, cart]}
  headline: "{{ last.item }} {{ last.days_ago }}d {{ last.category_leaf }}"
  fallback: {headline: Something new}
- id: others
  segment: hot
  format: onsite
  headline: Hello
""",
    )
    assert said(sheet) == {
        "Hello": {7, 8},  # no such event before as_of
        "Something new": {3, 4},  # an item that the catalogue does not have; no item
        "Mixer 1 2d Mixers": {1},
        "Road Shoe 3d Running": {2},
        "Mixer 1 40d Mixers": {5},
        "Mixer 1 1d Mixers": {6},
    }
    assert (sheet.members, sheet.told, sheet.fallbacks, dict(sheet.without)) == (8, 8, 2, {})
    [by_leaf, by_item] = sheet.troubles
    assert {by_leaf.reason, by_item.reason} == {
        "last.category_leaf is missing",
        "last.item is missing",
    }
    assert by_leaf.people == by_item.people == 1
    assert by_leaf.place == "c.yaml:1:7"
    assert {"last.days_ago": 1, "last.item": "gone"} in [by_leaf.example, by_item.example]


def test_tests_of_the_last_action_choose_the_creative(engine, loaded):
    [sheet] = sheets(
        engine,
        loaded,
        """\
- id: kitchen
  segment: hot
  format: onsite
  last: {did: view}
  having: {item.category: {under: Home > Kitchen}}
  within: 30d
  headline: Kitchen
- id: viewed
  type: interest
  format: onsite
  last: {did: view}
  within: 2d
  headline: Viewed
""",
    )
    assert said(sheet) == {"Kitchen": {1}, "Viewed": {3, 4}}
    assert dict(sheet.without) == {NO_CREATIVE: 5}


def test_where_picks_another_event_as_the_last(engine, loaded):
    text = """\
- id: a
  segment: hot
  format: onsite
  last: {did: view, where: {item.category: {under: Sport}}}
  headline: "{{ last.item_id }} {{ last.days_ago }}"
"""
    [sheet] = sheets(engine, loaded, text, [1, 2])
    assert said(sheet) == {"s1 9": {1}, "s1 3": {2}}


def test_values_numbers_counts_traits_and_declared_properties(engine, loaded):
    names = ["last.event", "last.value", "last.currency", "traits.plan"]
    names += ["counts.last_7_days", "counts.last_30_days", "item.color", "last.path"]
    shown = "|".join(f"{{{{ {name} | default: '-' }}}}" for name in names)
    text = f"""\
- id: a
  segment: hot
  format: onsite
  traits: [plan]
  properties: [path, item.color]
  headline: "{shown}"
"""
    [sheet] = sheets(engine, loaded, text, [1, 2, 4, 8])
    assert said(sheet) == {
        "view|59.5|-|pro|1|2|-|-": {1},
        "view|20|EUR|-|1|1|red|-": {2},
        "view|-|-|-|1|1|-|/": {4},
        "-|-|-|-|0|0|-|-": {8},
    }


def test_too_long_for_the_format(engine, loaded):
    text = """\
- id: long
  segment: hot
  format: google_rsa
  last: {did: view}
  headline: ["The one and only {{ last.item }}", Second, Third]
  body: [One, Two]
  landing_url: https://shop.example.com/
"""
    fallback = "  fallback: {headline: [First, Second, Third]}\n"
    [sheet] = sheets(engine, loaded, text, [1, 2])
    assert said(sheet) == {"The one and only Mixer 1": {1}, "The one and only Road Shoe": {2}}
    [sheet] = sheets(engine, loaded, text.replace("only", "only, the true"), [1, 2])
    assert said(sheet) == {}
    assert dict(sheet.without) == {"headline is longer than 30": 2}
    assert [(t.people, t.has_fallback) for t in sheet.troubles] == [(2, False)]
    [sheet] = sheets(engine, loaded, text.replace("only", "only, the true") + fallback, [1, 2])
    assert said(sheet) == {"First": {1, 2}}
    assert sheet.fallbacks == 2


def test_longer_than_screens_show_is_told_and_kept(engine, loaded):
    text = """\
- id: a
  segment: hot
  format: meta_feed
  headline: A headline of rather more than forty characters
  body: Short
  landing_url: https://shop.example.com/
"""
    [sheet] = sheets(engine, loaded, text)
    assert [(m.people, m.cut) for m in sheet.messages] == [(8, ("headline",))]


def test_addresses_carry_segment_and_creative(engine, loaded):
    text = """\
- id: a
  segment: hot
  format: onsite
  last: {did: view}
  headline: Hi
  landing_url: https://shop.example.com/c?leaf={{ last.category_leaf }}&i={{ last.item }}
  utm: {campaign: "Spring {{ last.brand }}", content: "{{ segment.id }}"}
  fallback: {landing_url: "https://shop.example.com/"}
"""
    [sheet] = sheets(engine, loaded, text, [1, 2])
    addresses = {next(iter(m.persons)): m.texts["landing_url"][0] for m in sheet.messages}
    assert addresses == {
        1: "https://shop.example.com/c?leaf=Mixers&i=Mixer%201&utm_source=onsite"
        "&utm_medium=onsite&utm_campaign=spring-arden&utm_term=hot&utm_content=hot",
        2: "https://shop.example.com/?utm_source=onsite"
        "&utm_medium=onsite&utm_campaign=hot&utm_term=hot&utm_content=hot",
    }


def test_formats_have_sheets_of_their_own(engine, loaded):
    text = """\
- {id: a, segment: hot, format: onsite, headline: Hi}
- {id: b, segment: hot, format: email, headline: Hi, body: There}
"""
    both = sheets(engine, loaded, text)
    assert [(s.format, s.told) for s in both] == [("onsite", 8), ("email", 8)]
    library = load_creatives({"c.yaml": text}, [SEGMENT])
    [mail] = tailor(
        engine, library, SEGMENT, BitMap([1]), catalog=loaded.catalog, clock=CLOCK,
        formats=["email"],
    )  # fmt: skip
    assert mail.format == "email"


def test_several_segments_at_once_are_as_one_by_one(engine, loaded):
    text = """\
- {id: a, type: interest, format: onsite, last: {did: view}, headline: "{{ last.item }}"}
- {id: b, segment: cold, format: onsite, last: {did: cart}, headline: "Cart {{ last.item }}"}
- {id: c, segment: [hot, cold], format: email, headline: "{{ segment.id }}", body: x}
"""
    cold = SEGMENT.model_copy(update={"id": "cold"})
    library = load_creatives({"c.yaml": text}, [SEGMENT, cold])
    audiences = [(SEGMENT, BitMap([1, 2, 3])), (cold, BitMap([2, 5, 6]))]
    shared = {"catalog": loaded.catalog, "clock": CLOCK}
    together = tailor_all(engine, library, audiences, **shared)
    alone = [sheet for s, m in audiences for sheet in tailor(engine, library, s, m, **shared)]
    assert list(together) == alone
    assert [said(sheet) for sheet in together] == [
        {"hot": {1, 2, 3}},
        {"Mixer 1": {1}, "Road Shoe": {2}, "gone": {3}},
        {"Cart Mixer 1": {6}, "Road Shoe": {2}, "Mixer 1": {5}},
        {"cold": {2, 5, 6}},
    ]
    assert audiences[0][1] == BitMap([1, 2, 3])  # the caller's sets are left alone


def test_a_segment_without_creatives_or_members(engine, loaded):
    assert sheets(engine, loaded, "# none") == ()
    [sheet] = sheets(engine, loaded, "- {id: a, segment: hot, format: onsite, headline: x}", [])
    assert (sheet.members, sheet.messages, dict(sheet.without)) == (0, (), {})


def test_preview_shows_every_creative_before_variety(engine, loaded):
    text = """\
- {id: a, segment: hot, format: onsite, last: {did: view}, headline: "{{ last.days_ago }}"}
- {id: b, segment: hot, format: onsite, headline: rest}
"""
    [sheet] = sheets(engine, loaded, text)
    assert {m.creative for m in sheet.preview(2)} == {"a", "b"}
    assert len(sheet.preview(100)) == len(sheet.messages)


def test_summaries_hold_no_person(engine, loaded):
    text = '- {id: a, segment: hot, format: onsite, headline: "{{ last.item }}"}'
    [sheet] = sheets(engine, loaded, text, [1, 8])
    assert sheet.summary() == {
        "segment": "hot",
        "format": "onsite",
        "members": 2,
        "told": 1,
        "fallbacks": 0,
        "without": {"last.item is missing": 1},
        "messages": [
            {
                "creative": "a",
                "people": 1,
                "is_fallback": False,
                "texts": {"headline": ["Mixer 1"]},
                "cut": [],
            }
        ],
        "troubles": [
            {
                "creative": "a",
                "place": "c.yaml:1:8",
                "reason": "last.item is missing",
                "people": 1,
                "has_fallback": False,
                "example": {},
            }
        ],
    }
    assert "persons" not in repr(sheet)


names = st.sampled_from(["view", "cart", "read"])
drawn_events = st.lists(
    st.tuples(
        st.integers(1, 5),  # person
        st.integers(-2, 12),  # ts, so small that ties happen
        names,
        st.sampled_from([None, "m1", "s1", "x1", "gone"]),
    ),
    max_size=25,
)


@pytest.mark.slow
@given(rows=drawn_events, wanted=st.sets(names, min_size=1), as_of=st.integers(0, 10))
@settings(max_examples=60)
def test_the_last_action_is_the_one_that_plain_python_finds(tmp_path_factory, rows, wanted, as_of):
    events = tuple(
        Event(f"e{n}é" if n % 2 else f"e{n}Z", person, ts, name, {"item_id": item} if item else {})
        for n, (person, ts, name, item) in enumerate(rows)
    )
    world = World(persons={n: f"p{n}" for n in range(1, 7)}, events=events, items=ITEMS)
    loaded = load(world, tmp_path_factory.mktemp("drawn"))
    engine = DuckDBEngine(loaded.relations, loaded.catalog, threads=1)
    creative = Creative.model_validate(
        {"id": "a", "segment": "hot", "format": "onsite", "headline": "x",
         "last": {"did": sorted(wanted)}, "within": "15m"}
    )  # fmt: skip
    clock = Clock(as_of, ZoneInfo("UTC"))
    found = read(
        engine, DUCKDB, [creative], BitMap(range(1, 7)), catalog=loaded.catalog, clock=clock
    )
    engine.close()
    assert sorted(known.person for known in found) == [1, 2, 3, 4, 5, 6]
    for known in found:
        mine = [
            e for e in events if e.person == known.person and e.ts < as_of and e.event in wanted
        ]
        last = max(mine, key=lambda e: (e.ts, e.event_id.encode()), default=None)
        assert known.values["counts"] == {"last_7_days": len(mine), "last_30_days": len(mine)}
        assert known.passes == (frozenset(["a"]) if last else frozenset())
        if last is None:
            assert known.values["last"] == {}
            continue
        item = last.properties.get("item_id")
        facts = ITEMS.get(item, {})
        expected = {
            "event": last.event, "days_ago": 0, "item_id": item, "item": facts.get("name", item),
            "brand": facts.get("brand"), "category": facts.get("category"),
        }  # fmt: skip
        if "category" in facts:
            parts = facts["category"].split(" > ")
            expected |= {"category_top": parts[0], "category_leaf": parts[-1]}
        assert known.values["last"] == {k: v for k, v in expected.items() if v is not None}
