"""Random definitions over the whole model, with texts that files and languages stumble over."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from fewer.model.condition import (
    AbsentStep,
    AllOf,
    AnyOf,
    Consent,
    Did,
    DidNot,
    First,
    InList,
    InSegment,
    Last,
    NoneOf,
    Not,
    Occurrence,
    Sample,
    SampleRule,
    SequenceOf,
    Step,
    Trait,
)
from fewer.model.goal import Goal, Reversal, Value
from fewer.model.measure import Burst, Comparison, Periods, PropertyMeasure, Share
from fewer.model.number import from_micros
from fewer.model.predicate import Test
from fewer.model.segment import Segment, SizeGuard, Variants
from fewer.model.window import Between, Duration, Moment

ODD = (
    "NO", "no", "y", "N", "on", "off", "Yes", "true", "False", "null", "~", "", " ", "  x ",
    "12:30", "190:20:30", "2026-03-01", "2026-03-01T10:00:00Z", "010", "0o17", "0x1F", "1_000",
    "1e3", "1.0", ".inf", "-.INF", ".NaN", "-", "--- ", "...", "- a", "? a", "a: b", "a:b", "key:",
    ": x", "a #b", "# c", "&a", "*a", "!t", "!!str x", "%d", "@at", "`tick`", "|", ">", ">-",
    "{a}", "[a]", "a,b", "<<", "=", "'", '"', "it's", 'say "hi"', "\\", "\\n", "a\nb", "\n",
    "a\r\nb", "\t", "a\tb", "\x00", "\x07", "\x7f", "\x85", "a\x85b", "\xa0", "\u2028", "\u2029x",
    "\ufeff", "\u200b", "\ufffe", "\uffff", "é", "e\u0301", "\u0130", "ß", "\u65e5\u672c\u8a9e",
    "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u0645\u0631\u062d\u0628\u0627",
    "\U0010ffff", "or", "and", "any event", "{", "}", "{key}", "%s", "None", "Decimal(1)",
    "x" * 1500, "ü" * 700, "a b", "a > b", "/pricing", "page_view", "purchase", "item.category",
    "session_id", "7d", "1.5.2", "a--b",
)  # fmt: skip

anything = st.text(max_size=12)  # no lone surrogates: hypothesis leaves them out of text()
texts = st.sampled_from(ODD) | anything
# Words that sentences about definitions are made of.
SPOKEN = (
    "absent", "after", "ago", "any", "at", "before", "day", "days", "done", "each", "ever",
    "exactly", "first", "from", "has", "in", "is", "last", "least", "list", "missing", "most",
    "never", "no", "none", "not", "of", "on", "one", "order", "periods", "present", "recent",
    "sample", "segment", "share", "since", "step", "the", "time", "times", "total", "trait",
    "value", "values", "very", "where", "with", "within",
)  # fmt: skip
names = st.sampled_from(SPOKEN) | texts.filter(bool)
few = {"min_size": 1, "max_size": 3}

numbers = (
    st.integers(-5, 5_000).map(Decimal)
    | st.integers(-9_199_999_999_999_999_999, 9_199_999_999_999_999_999).map(from_micros)
    | st.integers(-10, 10).map(from_micros)
)
durations = st.builds(Duration, st.integers(1, 400), st.sampled_from("mhdw"))
moments = st.sampled_from(
    ["2026-03-01", "1999-12-31", "2026-03-01T09:30", "2026-03-01 09:30:15", "2026-03-29T02:30:00.5",
     "2026-03-01T09:30Z", "2026-03-01T09:30:00.123456+05:30"]
).map(Moment.parse)  # fmt: skip
scalars = st.booleans() | numbers | texts
scalar_lists = st.one_of(
    st.lists(texts, **few), st.lists(numbers, **few), st.lists(st.booleans(), **few)
).map(tuple)
patterns = st.sampled_from(
    [r"^/p", r"a.b", r"[a-z]+\d{2,3}$", r"(x|y)*", r"\.", "é", "[^\\]\\s]", "'\"", "a{2}"]
)

ranges = st.lists(numbers, min_size=2, max_size=2).map(lambda pair: tuple(sorted(pair)))
number_bounds = {
    **dict.fromkeys(("at_least", "at_most", "more_than", "less_than"), numbers),
    "between": ranges,
}


@st.composite
def some_of(draw, fields, least=1, most=3):
    """A mapping with a few of the given fields."""
    chosen = draw(
        st.lists(st.sampled_from(sorted(fields)), min_size=least, max_size=most, unique=True)
    )
    return {name: draw(fields[name]) for name in chosen}


tests_of_values = {
    "equals": scalars, "not_equals": scalars, "in": scalar_lists, "not_in": scalar_lists,
    "exists": st.booleans(), "missing": st.booleans(), **number_bounds, "contains": texts,
    "starts_with": texts, "ends_with": texts, "under": texts, "matches": patterns,
    "before": moments, "after": moments, "within": durations, "within_next": durations,
}  # fmt: skip


@st.composite
def predicates(draw):
    """Keys of a predicate."""
    chosen = draw(some_of(tests_of_values))
    if draw(st.booleans()) and any(
        isinstance(v[0] if isinstance(v, tuple) and v else v, str)
        for k, v in chosen.items()
        if k not in ("before", "after", "within", "within_next", "exists", "missing")
    ):
        chosen["ignore_case"] = True
    return chosen


def where(most=2):
    return st.dictionaries(names, predicates().map(Test.model_validate), min_size=1, max_size=most)


maybe_where = st.none() | where()
comparisons = some_of({**number_bounds, "exactly": numbers})


@st.composite
def windows(draw):
    """Keys of a window, or none."""
    match draw(st.sampled_from(["none", "within", "calendar", "between", "absolute"])):
        case "within":
            return {"within": draw(durations)}
        case "calendar":
            return {"within": Duration(draw(st.integers(1, 60)), "d"), "calendar": True}
        case "between":
            low, high = draw(
                st.lists(durations, min_size=2, max_size=2, unique_by=lambda d: d.micros)
            )
            newer, older = sorted((low, high), key=lambda d: d.micros)
            return {"between": Between(from_=older, to=newer)}
        case "absolute":
            return draw(some_of({"since": moments, "until": moments}, most=2))
        case _:
            return {}


events = st.one_of(
    st.just("*"),
    names,
    st.lists(names.filter(lambda n: n != "*"), unique=True, min_size=1, max_size=3),
).filter(lambda e: isinstance(e, str) or len({*map(_nfc, e)}) == len(e))


def _nfc(text):
    import unicodedata

    return unicodedata.normalize("NFC", text)


@st.composite
def behaviours(draw):
    keys = {"did": draw(events), "where": draw(maybe_where), "lookback": draw(st.booleans())}
    measure = draw(
        st.sampled_from(
            [
                None,
                "count",
                "days",
                "distinct",
                "sum",
                "mean",
                "min",
                "max",
                "periods",
                "burst",
                "share",
            ]
        )
    )
    window = {} if measure == "periods" else draw(windows())
    match measure:
        case None:
            value = {}
        case "count" | "days":
            value = {measure: Comparison(**draw(comparisons))}
        case "distinct" | "sum" | "mean" | "min" | "max":
            value = {measure: PropertyMeasure(of=draw(names), **draw(comparisons))}
        case "periods":
            last = draw(st.integers(1, 60))
            value = {measure: Periods(each=draw(durations), last=last, **draw(comparisons))}
        case "burst":
            value = {measure: Burst(count=draw(st.integers(1, 99)), in_=draw(durations))}
        case "share":
            value = {measure: Share(where=draw(where()), **draw(comparisons))}
    return Did(**keys, **window, **value)


occurrences = st.builds(Occurrence, did=events, where=maybe_where)
steps = st.builds(Step, did=events, where=maybe_where, within_next=st.none() | durations)
absent_steps = st.builds(AbsentStep, did_not=events, where=maybe_where, within_next=durations)


@st.composite
def sequences(draw):
    first = draw(st.builds(Step, did=events, where=maybe_where))
    rest = draw(st.lists(steps | absent_steps, max_size=3))
    same = draw(st.none() | st.lists(names, unique_by=_nfc, min_size=1, max_size=2))
    return SequenceOf(
        sequence=[first, *rest], same=same, lookback=draw(st.booleans()), **draw(windows())
    )


@st.composite
def last_or_first(draw):
    having = draw(maybe_where)
    if draw(st.booleans()):
        return Last(last=draw(occurrences), having=having, **draw(windows()))
    return First(first=draw(occurrences), having=having, **draw(windows()))


@st.composite
def absences(draw):
    return DidNot(
        did_not=draw(events),
        where=draw(maybe_where),
        lookback=draw(st.booleans()),
        **draw(windows()),
    )


segment_ids = st.from_regex(r"[a-z][a-z0-9_]{0,11}", fullmatch=True)
segment_refs = segment_ids | st.builds("{}@{}".format, segment_ids, durations)
percents = st.integers(0, 100_000_000).map(from_micros)

LEAVES = (
    behaviours(),
    absences(),
    last_or_first(),
    sequences(),
    st.tuples(names, predicates()).map(lambda t: Trait.model_validate({"trait": t[0], **t[1]})),
    st.builds(Consent, consent=names),
    st.builds(InList, in_list=names),
    st.builds(InSegment, in_segment=segment_refs),
    st.builds(Sample, sample=st.builds(SampleRule, percent=percents, salt=texts)),
)
leaves = st.one_of(*LEAVES)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(AllOf, all=st.lists(inner, max_size=3)),
        st.builds(AnyOf, any=st.lists(inner, max_size=3)),
        st.builds(NoneOf, none=st.lists(inner, max_size=3)),
        st.builds(Not, not_=inner),
    ),
    max_leaves=6,
)

maybe_text = st.none() | texts


@st.composite
def guards(draw):
    low = draw(st.integers(0, 5_000))
    return SizeGuard(min=low, max=low + draw(st.integers(1, 9_000)), enforce=draw(st.booleans()))


segments = st.builds(
    Segment,
    id=segment_ids,
    name=maybe_text,
    description=maybe_text,
    type=st.sampled_from(
        ["engagement", "content", "recency_frequency", "interest", "lookback", "custom"]
    ),
    where=conditions,
    exclude=st.lists(segment_refs, unique=True, max_size=3),
    exclude_defaults=st.booleans(),
    size=guards(),
    variants=st.none()
    | st.builds(
        Variants,
        lookback=st.lists(durations, unique_by=lambda d: d.micros, min_size=1, max_size=3),
    ),
    status=st.sampled_from(["draft", "approved", "live", "archived"]),
    owner=maybe_text,
    tags=st.lists(texts, max_size=2),
    priority=st.none() | st.integers(-5, 100),
    budget=st.none() | numbers.map(abs),
)

currencies = st.none() | st.sampled_from(["EUR", "USD", "JPY"])
goals = st.builds(
    Goal,
    id=segment_ids,
    name=maybe_text,
    did=events,
    where=maybe_where,
    value=st.none() | st.builds(Value, of=names, currency=currencies),
    reversed_by=st.none()
    | st.builds(Reversal, did=events, where=maybe_where, same=st.lists(names, **few).map(tuple)),
    outcome_window=durations,
    gap=st.none() | durations,
    counts=st.sampled_from(["first", "every"]),
)
