"""A small catalog, and the linter in the words of a test."""

from __future__ import annotations

from datetime import UTC, datetime

from fewer.journey.define.lint import lint
from fewer.language.files import load_segments
from fewer.model.catalog import Catalog

DAY = 86_400_000_000
AS_OF = int(datetime(2026, 3, 31, tzinfo=UTC).timestamp()) * 1_000_000
CATALOG = Catalog(
    events={"page_view": 900, "purchase": 100, "add_to_cart": 200, "refund": 3},
    properties={
        "path": {"text": "p1_t"},
        "device": {"text": "p2_t"},
        "value": {"number": "p3_n"},
        "zip": {"text": "p4_t"},
        "ok": {"boolean": "p5_b"},
        "at": {"timestamp": "p6_s"},
        "mixed": {"text": "p7_t", "number": "p7_n"},
        "item_id": {"text": "p8_t"},
        "order_id": {"text": "p9_t"},
    },
    traits={"country": {"text": "t1_t"}, "age": {"number": "t2_n"}},
    items={"category": {"text": "i1_t"}, "price": {"number": "i2_n"}},
    lists=("vip",),
    purposes=("ads",),
    first_ts=AS_OF - 21 * DAY,
    last_ts=AS_OF - 1,
)
VALUES = {
    "item.category": {"shoes > boots", "shoes > sneakers > low", "hats"},
    "device": {"mobile", "desktop"},
    "country": {"DE", "AT"},
}


def told(text, exclude=(), **keys):
    """``line:column code`` of every finding."""
    keys = {"catalog": CATALOG, "values": VALUES.get, "as_of_us": AS_OF} | keys
    found = lint(load_segments(text, file="s.yaml"), exclude, **keys)
    return [f"{one.place.line}:{one.place.column} {one.code}" for one in found]


def about(condition, **keys):
    """Findings on one condition, which begins at 1:17 of its file."""
    return told(f"- {{id: a, where: {condition}}}", **keys)


def only(condition, **keys):
    """The one finding on a condition: its code and its whole text."""
    found = lint(
        load_segments(f"- {{id: a, where: {condition}}}"),
        **{"catalog": CATALOG, "values": VALUES.get, "as_of_us": AS_OF, **keys},
    )
    assert len(found) == 1
    return found[0].code, f"{found[0].message} {found[0].hint}".strip()
