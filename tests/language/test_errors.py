"""Broken definitions: each mistake at its place, with what was expected and the next step."""

from __future__ import annotations

import pytest

from fewer.errors import DefinitionError
from fewer.language.files import load_goals, load_segments
from fewer.language.yaml import load, validate
from fewer.model.settings import ProjectSettings


def problems(text, read=load_segments):
    with pytest.raises(DefinitionError) as caught:
        read(text, file="s.yaml")
    return caught.value.problems


def of(condition):
    """``code at text: message hint`` of every problem of one condition."""
    found = problems(f"- {{id: a, where: {condition}}}")
    return [f"{p.code} at {p.text}: {p.message} {p.hint}".strip() for p in found]


@pytest.mark.parametrize(
    "condition,code,text,words",
    [
        # keys nobody knows
        (
            "{did: x, wihtin: 7d}",
            "unknown_key",
            "wihtin",
            "There is no key 'wihtin' here. Did you mean 'within'?",
        ),
        ("{did: x, Within: 7d}", "unknown_key", "Within", "Write 'within'."),
        ("{did: x, window: 7d}", "unknown_key", "window", "Here this is called 'within'."),
        (
            "{did: x, in_the_last: 7d}",
            "unknown_key",
            "in_the_last",
            "Here this is called 'within'.",
        ),
        ("{did: x, filters: {a: 1}}", "unknown_key", "filters", "Here this is called 'where'."),
        ("{did: x, times: 3}", "unknown_key", "times", "Here this is called 'count'."),
        (
            "{did: x, path: /pricing}",
            "unknown_key",
            "path",
            "A property is tested under 'where': where: {path: ...}.",
        ),
        ("{did: x, zzzzz: 1}", "unknown_key", "zzzzz", "where: {zzzzz: ...}"),
        (
            "{did: x, where: {p: {startswith: a}}}",
            "unknown_key",
            "startswith",
            "Here this is called 'starts_with'.",
        ),
        ("{did: x, where: {p: {gte: 3}}}", "unknown_key", "gte", "Here this is called 'at_least'."),
        (
            "{did: x, where: {p: {'>=': 3}}}",
            "unknown_key",
            "'>='",
            "Here this is called 'at_least'.",
        ),
        ("{did: x, count: {atleast: 3}}", "unknown_key", "atleast", "Did you mean 'at_least'"),
        (
            "{sample: {percent: 5, salt: a, seed: 3}}",
            "unknown_key",
            "seed",
            "Keys here: percent, salt.",
        ),
        (
            "{did: x, within:7d: 3}",
            "missing_space",
            "within:7d",
            "A space is missing after the colon in 'within:7d'. Write 'within: 7d'.",
        ),
        (
            "{did: x, \u00a0within: 7d}",
            "odd_space",
            "within",
            "contains an invisible character (U+00A0). Type the line again",
        ),
        ("{did: x, “within”: 7d}", "odd_quote", "“within”", "has typographic quotes"),
        # keys in the wrong place
        (
            "{did: x, trait: y}",
            "two_conditions",
            "trait",
            "Two conditions in one mapping: 'did' and 'trait'. Make each an item of a list",
        ),
        ("{did: x, did_not: y}", "two_conditions", "did_not", "Use 'all' with both as items"),
        ("{all: [], any: []}", "two_conditions", "any", "'all' and 'any'"),
        (
            "{last: {did: x, within: 7d}}",
            "misplaced_key",
            "within",
            "The window 'within' goes beside last/first, not inside. Move 'within' one level up.",
        ),
        (
            "{first: {did: x, between: {from: 7d, to: 1d}}}",
            "misplaced_key",
            "between",
            "one level up",
        ),
        (
            "{last: {did: x, count: {at_least: 1}}}",
            "misplaced_key",
            "count",
            "'count' does not go inside last/first.",
        ),
        (
            "{last: {did: x}, days: {at_least: 1}}",
            "misplaced_key",
            "days",
            "which choose one event. Use 'did' with a measure.",
        ),
        (
            "{last: {did: x}, where: {a: 1}}",
            "misplaced_key",
            "where",
            "'where' goes inside last/first",
        ),
        (
            "{did_not: x, count: {at_most: 2}}",
            "misplaced_key",
            "count",
            "'did_not' means no such event, and takes no measure. Use did with count",
        ),
        (
            "{sequence: [{did: x}], within_next: 2d}",
            "misplaced_key",
            "within_next",
            "Move it into the step.",
        ),
        ("{sequence: [{did: x}], where: {a: 1}}", "misplaced_key", "where", "belongs to the steps"),
        (
            "{trait: x, where: {equals: 1}}",
            "misplaced_key",
            "where",
            "The test of a trait goes beside it.",
        ),
        (
            "{did: x, at_least: 3}",
            "misplaced_key",
            "at_least",
            "The bound 'at_least' needs a measure around it. Write count: {at_least: ...}.",
        ),
        (
            "{did: x, starts_with: /a}",
            "misplaced_key",
            "starts_with",
            "Write where: {PROPERTY: {starts_with: ...}}.",
        ),
        (
            "{did: x, count: {at_least: 3, within: 7d}}",
            "misplaced_key",
            "within",
            "The window 'within' goes beside the measure",
        ),
        ("{trait: x, exactly: 3}", "misplaced_key", "exactly", "Write 'equals'."),
        # no condition at all
        (
            "page_view",
            "bad_condition",
            "page_view",
            "Write {did: page_view} or {in_segment: page_view}.",
        ),
        ("[{did: x}]", "bad_condition", "[{did: x}]", "Put the list under 'all', 'any' or 'none'."),
        ("12", "bad_condition", "12", "Write, for instance, {did: page_view, within: 7d}."),
        (
            "{}",
            "bad_condition",
            "{}",
            "No condition is recognised by nothing. Conditions begin with one of: all, any",
        ),
        ("{has_done: x}", "bad_condition", "{has_done: x}", "Here this is called 'did'."),
        ("{and: []}", "bad_condition", "{and: []}", "Here this is called 'all'."),
        (
            "{traits: x, equals: 3}",
            "bad_condition",
            "{traits: x, equals: 3}",
            "Did you mean 'trait'",
        ),
        ("{within: 7d}", "bad_condition", "{within: 7d}", "Say what was done: add 'did'."),
        (
            "{equals: 7}",
            "bad_condition",
            "{equals: 7}",
            "add 'trait', or put the test under 'where'",
        ),
        ("{did:x: 1}", "bad_condition", "{did:x: 1}", "Write 'did: x'."),
        ("did:x", "bad_condition", "did:x", "Write 'did: x'."),
        ("{all: {did: x}}", "not_a_list", "{did: x}", "Begin each item with '- '"),
        # durations
        (
            "{did: x, within: 1 month}",
            "bad_duration",
            "1 month",
            "Months differ in length and are no durations: write 30d.",
        ),
        ("{did: x, within: 3M}", "bad_duration", "3M", "write 90d"),
        ("{did: x, within: 1y}", "bad_duration", "1y", "write 365d"),
        ("{did: x, within: 2 quarters}", "bad_duration", "2 quarters", "write 182d"),
        ("{did: x, within: 30 days}", "bad_duration", "30 days", "Write 30d."),
        ("{did: x, within: 7D}", "bad_duration", "7D", "Write 7d."),
        (
            "{did: x, within: 90s}",
            "bad_duration",
            "90s",
            "The smallest unit is a minute: write 2m.",
        ),
        ("{did: x, within: 7}", "bad_duration", "7", "Write the unit too, such as 7d."),
        ("{did: x, within: 0d}", "bad_duration", "0d", "a positive whole number"),
        ("{did: x, within: -7d}", "bad_duration", "-7d", "a positive whole number"),
        ("{did: x, within: 1.5d}", "bad_duration", "1.5d", "a positive whole number"),
        ("{did: x, within: 99999d}", "bad_duration", "99999d", "at most 100 years"),
        ("{did: x, within: [7d]}", "bad_duration", "[7d]", "a duration such as 15m"),
        ("{did: x, within: '7d\u00a0'}", "bad_duration", "'7d\u00a0'", "an invisible character"),
        # dates
        ("{did: x, since: 2026-02-30}", "bad_date", "2026-02-30", "exists in the calendar."),
        (
            "{did: x, since: 1.3.2026}",
            "bad_date",
            "1.3.2026",
            "Dates are year-month-day: 2026-MM-DD.",
        ),
        ("{did: x, since: 2026/3/1}", "bad_date", "2026/3/1", "Write 2026-03-01."),
        ("{did: x, since: 2026-3-1}", "bad_date", "2026-3-1", "Write 2026-03-01."),
        ("{did: x, since: 7d}", "bad_date", "7d", "for a time back from now use 'within'"),
        ("{did: x, since: 20260301}", "bad_date", "20260301", "Write a date such as 2026-03-01."),
        (
            "{did: x, until: 2026-03-01T25:00}",
            "bad_date",
            "2026-03-01T25:00",
            "exists in the calendar",
        ),
        # numbers
        (
            "{did: x, count: 3}",
            "not_a_mapping",
            "3",
            "Write count: {at_least: 3} or count: {exactly: 3}.",
        ),
        (
            "{did: x, count: {at_least: '3'}}",
            "bad_number",
            "'3'",
            "Expected a number. Write it without quotes: 3.",
        ),
        ("{did: x, count: {at_least: 1_000}}", "bad_number", "1_000", "Write 1000."),
        ("{did: x, count: {at_least: three}}", "bad_number", "three", "Expected a number."),
        ("{did: x, count: {at_least: true}}", "bad_number", "true", "Expected a number."),
        ("{did: x, count: {at_least: .inf}}", "bad_number", ".inf", "a finite number"),
        ("{did: x, count: {at_least: .nan}}", "bad_number", ".nan", "a finite number"),
        ("{did: x, count: {at_least: 1e13}}", "bad_number", "1e13", "between -9.2e12 and 9.2e12"),
        ("{did: x, count: {between: [3, 1]}}", "bad_number", "[3, 1]", "low not above high"),
        ("{did: x, burst: {count: 3.5, in: 1h}}", "bad_number", "3.5", "a whole number"),
        (
            "{did: x, burst: {count: 0, in: 1h}}",
            "out_of_range",
            "0",
            "Expected a number of at least 1.",
        ),
        ("{did: x, periods: {each: 7d, last: 3.0, at_least: 1}}", "bad_number", "3.0", "Write 3."),
        (
            "{sample: {percent: 101, salt: a}}",
            "out_of_range",
            "101",
            "Expected a number of at most 100.",
        ),
        # other values
        ("{did: 3}", "bad_value", "3", "an event name, a list of names"),
        ("{did: []}", "bad_value", "[]", "at least one event name"),
        ("{did: [a, '*']}", "bad_value", "[a, '*']", "'*' alone"),
        ("{did: ''}", "bad_text", "''", "a text with at least one character"),
        ("{trait: 3, exists: true}", "bad_text", "3", 'Put it in quotes: "3".'),
        ("{in_list: true}", "bad_text", "true", 'Put it in quotes: "true".'),
        ("{in_segment: Hot Ones}", "bad_id", "Hot Ones", "Write hot_ones."),
        ("{trait: x, exists: yes}", "bad_boolean", "yes", "Expected true or false. Write true."),
        ("{trait: x, exists: off}", "bad_boolean", "off", "Write false."),
        ("{trait: x, in: [1, a]}", "bad_value", "[1, a]", "a list of one type"),
        ("{trait: x, in: DE}", "not_a_list", "DE", "Write [DE]."),
        ("{trait: x, equals: [DE]}", "bad_value", "[DE]", "a text, a number, or true or false"),
        ("{trait: x, matches: '(?i)a'}", "bad_pattern", "'(?i)a'", "'(?' is not portable"),
        ("{trait: x, matches: 'a['}", "bad_pattern", "'a['", "'[' is never closed"),
        ("{last: purchase}", "not_a_mapping", "purchase", "Write last: {did: purchase}."),
        ("{did: x, between: [14d, 7d]}", "not_a_mapping", "[14d, 7d]", "{from: 14d, to: 7d}"),
        ("{did: x, where: [a]}", "not_a_mapping", "[a]", "Write {property: test, ...}"),
        ("{sequence: [a]}", "bad_step", "a", "Write {did: a}."),
        # empty
        (
            "{did: x, within: }",
            "empty_value",
            "within",
            "Nothing is written after 'within'. Write a value, or take the key out.",
        ),
        ("{did: x, within: null}", "empty_value", "null", "Nothing is written after 'within'."),
        ("{did: [x, ~]}", "empty_value", "~", "Nothing is written here."),
        ("{all: }", "empty_value", "all", "Nothing is written after 'all'."),
        # right one by one, wrong together
        (
            "{did: x, within: 7d, since: 2026-01-01}",
            "two_windows",
            "since",
            "or 'between', or 'since' and 'until', not within and since.",
        ),
        (
            "{did: x, within: 7d, between: {from: 2d, to: 1d}}",
            "two_windows",
            "between",
            "Keep one of them.",
        ),
        (
            "{did: x, between: {from: 7d, to: 14d}}",
            "window_backwards",
            "from",
            "Write {from: 14d, to: 7d}.",
        ),
        ("{did: x, between: {from: 7d, to: 1w}}", "window_backwards", "from", "not 7d to 1w."),
        ("{did: x, calendar: true}", "lone_calendar", "calendar", "needs 'within' beside it"),
        ("{did: x, within: 24h, calendar: true}", "calendar_unit", "within", "24h is not in days"),
        (
            "{did: x, count: {at_least: 1}, days: {at_least: 1}}",
            "two_measures",
            "days",
            "One measure only, not count and days.",
        ),
        (
            "{did: x, periods: {each: 1d, last: 3, at_least: 1}, since: 2026-01-01}",
            "window_beside_periods",
            "since",
            "Take the window out.",
        ),
        ("{did: x, count: {}}", "no_bound", "{}", "Expected at least one bound: at_least, at_most"),
        (
            "{trait: x}",
            "no_test",
            "{trait: x}",
            "Nothing is tested: expected at least one test. Tests: equals,",
        ),
        (
            "{trait: x, ignore_case: true}",
            "no_test",
            "{trait: x, ignore_case: true}",
            "at least one test",
        ),
        (
            "{trait: x, at_least: 3, ignore_case: true}",
            "lone_ignore_case",
            "ignore_case",
            "needs a test of text",
        ),
        ("{did: x, where: {}}", "no_property", "{}", "at least one property to test"),
        ("{sequence: []}", "too_short", "[]", "a list with at least one item"),
        (
            "{sequence: [{did_not: x, within_next: 1d}]}",
            "absent_first_step",
            "sequence",
            "Begin with a 'did' step",
        ),
        (
            "{sequence: [{did: x, within_next: 1d}]}",
            "within_next_on_first_step",
            "sequence",
            "Move it to the step that comes next.",
        ),
        (
            "{sequence: [{did: x}, {did_not: y}]}",
            "missing_key",
            "{did_not: y}",
            "The key 'within_next' is missing. Say how long, such as within_next: 2d.",
        ),
        (
            "{did: x, sum: {at_least: 3}}",
            "missing_key",
            "{at_least: 3}",
            "The key 'of' is missing. Name the property",
        ),
        ("{sample: {percent: 5}}", "missing_key", "{percent: 5}", "The key 'salt' is missing."),
    ],
)
def test_one_mistake(condition, code, text, words):
    found = of(condition)
    assert len(found) == 1
    assert found[0].startswith(f"{code} at {text}: ")
    assert words in found[0]


@pytest.mark.parametrize(
    "segment,code,text,words",
    [
        (
            "{id: Pricing Hot!, where: {did: x}}",
            "bad_id",
            "Pricing Hot!",
            "small letters, digits and _, beginning with a letter. Write pricing_hot.",
        ),
        ("{id: 7days, where: {did: x}}", "bad_id", "7days", "Write s_7days."),
        ("{id: hot@7d, where: {did: x}}", "bad_id", "hot@7d", "is that of a lookback variant"),
        ("{id: 12, where: {did: x}}", "bad_text", "12", 'Put it in quotes: "12".'),
        (
            "{name: a, where: {did: x}}",
            "missing_key",
            "{name: a, where: {did: x}}",
            "The key 'id' is missing. Write, for instance, id: pricing_hot.",
        ),
        (
            "{id: a}",
            "missing_key",
            "{id: a}",
            "The key 'where' is missing. Write the condition under 'where'.",
        ),
        ("{id: a, where: {did: x}, exclude: b}", "not_a_list", "b", "Write [b]."),
        (
            "{id: a, where: {did: x}, exclude: [b, b]}",
            "bad_value",
            "[b, b]",
            "each segment id once",
        ),
        (
            "{id: a, where: {did: x}, type: engaged}",
            "bad_choice",
            "engaged",
            "recency_frequency, interest, lookback, custom. Did you mean 'engagement'?",
        ),
        ("{id: a, where: {did: x}, type: Content}", "bad_choice", "Content", "Write content."),
        ("{id: a, where: {did: x}, size: 300}", "not_a_mapping", "300", "Write size: {max: 300}."),
        (
            "{id: a, where: {did: x}, size: [200, 300]}",
            "not_a_mapping",
            "[200, 300]",
            "Write size: {min: 200, max: 2000}.",
        ),
        (
            "{id: a, where: {did: x}, size: {min: 300, max: 200}}",
            "size_backwards",
            "min",
            "'min' is above 'max': 300 > 200.",
        ),
        (
            "{id: a, where: {did: x}, variants: [7d]}",
            "not_a_mapping",
            "[7d]",
            "Write variants: {lookback: [7d, 14d]}.",
        ),
        (
            "{id: a, where: {did: x}, variants: {lookback: [7d, 1w]}}",
            "bad_value",
            "[7d, 1w]",
            "each lookback window once",
        ),
        (
            "{id: a, where: {did: x}, status: active}",
            "bad_choice",
            "active",
            "Expected one of draft, approved, live, archived.",
        ),
        ("{id: a, where: {did: x}, priority: 1.5}", "bad_number", "1.5", "a whole number"),
        ("{id: a, where: {did: x}, budget: -1}", "out_of_range", "-1", "at least 0"),
        ("{id: a, where: {did: x}, tags: hot}", "not_a_list", "hot", "Write [hot]."),
        ("{id: a, where: {did: x}, name: 2026}", "bad_text", "2026", 'Put it in quotes: "2026".'),
        (
            "{id: a, where: {did: x}, exclusions: [b]}",
            "unknown_key",
            "exclusions",
            "Here this is called 'exclude'.",
        ),
        (
            "{id: a, where: {did: x}, within: 7d}",
            "unknown_key",
            "within",
            "Keys here: id, name, description",
        ),
        ("hot", "not_a_mapping", "hot", "Expected a mapping."),
    ],
)
def test_one_mistake_of_a_segment(segment, code, text, words):
    found = problems(f"- {segment}")
    assert [p.code for p in found] == [code]
    assert found[0].text == text
    assert words in f"{found[0].message} {found[0].hint}"


def test_a_condition_directly_in_a_segment():
    found = problems("- id: a\n  did: view\n")
    assert [(p.line, p.column, p.code) for p in found] == [
        (1, 3, "missing_key"),
        (2, 3, "misplaced_key"),
    ]
    assert found[1].hint == "Write 'where:' and put 'did' below it."


MANY = """
- id: Pricing Hot
  nmae: x
  where:
    all:
      - did: page_view
        within: 1 month
        within: 8d
        since: 2026-02-30
        count: 3
        days: {at_least: "3"}
      - {did: x, trait: y, within: 7d, since: 2026-01-01}
      - last: {did: p, within: 3d}
      - in_list:
  size: {min: 300, max: 200, enforce: yes}
- id: b
  where: {did: x}
- id: b
  where: {did: *nothing}
- where: {did: x, count: {at_least: 3, foo: 1}, days: {at_least: 1}, extra: 1}
"""


def test_all_mistakes_of_a_file_at_once():
    """Also those that only show once others are repaired: two measures beside an unknown key."""
    found = [f"{p.line}:{p.column} {p.code}" for p in problems(MANY)]
    assert found == [
        "2:7 bad_id",
        "3:3 unknown_key",
        "7:17 bad_duration",
        "8:9 duplicate_key",
        "9:16 bad_date",
        "10:16 not_a_mapping",
        "11:26 bad_number",
        "12:18 two_conditions",
        "12:40 two_windows",
        "13:24 misplaced_key",
        "14:9 empty_value",
        "15:10 size_backwards",
        "15:39 bad_boolean",
        "18:7 duplicate_id",
        "19:16 unknown_anchor",
        "20:3 missing_key",
        "20:40 unknown_key",
        "20:49 two_measures",
        "20:70 unknown_key",
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "{did: x, count: {at_least: '3'}}",  # without it there is no bound: not said
        "{trait: x, equals: [1]}",
        "{did: x, where: {p: {equals: [1]}}}",
        "{did: x, calendar: true, within: 1month}",
        "{trait: x, contains: 3, ignore_case: true}",
        "{sequence: [{did: x}, {did_not: y, within_next: 3}]}",
    ],
)
def test_nothing_is_said_that_follows_from_another_mistake(condition):
    assert len(of(condition)) == 1


def test_a_problem_reads_well():
    (problem,) = problems("- id: a\n  where:\n    did: x\n    wihtin: 7d\n")
    assert str(problem) == (
        "s.yaml:4:5: error[unknown_key]: There is no key 'wihtin' here. Did you mean 'within'?"
    )


def test_json_has_places_too():
    text = '[\n  {"id": "a",\n   "where": {"did": "x", "within": 7, "count": {"at_least": "2"}}}\n]'
    found = [f"{p.line}:{p.column} {p.code} {p.text}" for p in problems(text)]
    assert found == ["3:36 bad_duration 7", '3:61 bad_number "2"']


def test_goals():
    text = "- {id: order, did: buy, outcome_window: 1 month, value: {of: v, currency: euro},"
    text += " counts: all}"
    found = problems(text, load_goals)
    assert [(p.code, p.text) for p in found] == [
        ("bad_duration", "1 month"), ("bad_id", "euro"), ("bad_choice", "all"),
    ]  # fmt: skip
    assert found[1].message == "Expected a currency of three capital letters, such as EUR."
    (missing,) = problems("- {id: order, did: buy}", load_goals)
    assert missing.hint == "Say how long outcomes count, such as outcome_window: 7d."


def test_a_text_where_a_mapping_belongs():
    (found,) = problems("- {id: order, did: buy, outcome_window: 7d, value: price}", load_goals)
    assert (found.code, found.hint) == ("not_a_mapping", "Write value: {of: price}.")
    text = "name: Shop\nconsent: ads\nsources:\n  - {id: a, files: a.csv,"
    text += " events: {event: view, person: [a, b], ts: at}}\n"
    with pytest.raises(DefinitionError) as caught:
        validate(load(text, file="fewer.yaml"), ProjectSettings)
    assert [problem.hint for problem in caught.value.problems] == [
        "Write consent: {purpose: ads}.",
        "Write person: {first_of: [...]}: the first of these columns that has a value.",
    ]


def test_settings_are_explained_too():
    text = """
version: 2
name: Shop
timezone: Mars
currency: dollars
sources:
  - id: A
    files: x.csv
    events: {event: a, person: b, ts: {colum: t}, properties: {p: {colum: c}}}
idenity: {}
"""
    with pytest.raises(DefinitionError) as caught:
        validate(load(text, file="fewer.yaml"), ProjectSettings)
    found = [f"{p.line}:{p.column} {p.code} {p.text}" for p in caught.value.problems]
    assert found == [
        "2:10 bad_choice 2",
        "4:11 bad_value Mars",
        "5:11 bad_id dollars",
        "7:9 bad_id A",
        "9:40 unknown_key colum",
        "9:68 unknown_key colum",
        "10:1 unknown_key idenity",
    ]


def test_an_empty_document():
    with pytest.raises(DefinitionError) as caught:
        validate(load("# nothing\n", file="fewer.yaml"), ProjectSettings)
    assert [(p.code, p.line) for p in caught.value.problems] == [("empty_value", 1)]


def test_keys_that_may_be_empty():
    text = "version: 1\nname: Shop\nsources:\n"
    node = load(text, file="fewer.yaml")
    assert validate(node, ProjectSettings, may_be_empty=[("sources",)]).sources == ()
    with pytest.raises(DefinitionError, match="empty_value"):
        validate(node, ProjectSettings)
