"""What data files hold: ties, odd texts, huge numbers, many values, rare columns."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations, product

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluate.index.indexed import EVERY, TINY, afresh, at, by_day, draw, indexed, rewritten
from fewer.data.store import relations
from fewer.data.store.registry import Entry
from oracle.world import World

BIG = 9_200_000_000_000


def renumbered(world: World, numbers: dict[int, int]) -> World:
    """The same world, its persons under other numbers."""
    return replace(
        world,
        persons={numbers[p]: name for p, name in world.persons.items()},
        events=tuple(replace(e, person=numbers[e.person]) for e in world.events),
        people={numbers[p]: traits for p, traits in world.people.items()},
        consents={(numbers[p], purpose): s for (p, purpose), s in world.consents.items()},
        lists={name: frozenset(numbers[p] for p in held) for name, held in world.lists.items()},
    )


# --------------------------------------------------------------------------- how files are laid out


LAYOUTS = {
    "small row groups": {"row_group_size": 2},
    "no dictionaries": {"use_dictionary": False, "compression": "zstd"},
    "old": {"version": "1.0", "data_page_version": "1.0", "compression": "gzip"},
    "one by one": {"data_page_size": 1, "write_batch_size": 1},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_however_a_file_is_written(tmp_path, layout):
    indexed(TINY, tmp_path, lambda _: "day=1/all.parquet", **layout).agrees()


ORDERS = {
    "by time and id": [("ts", "ascending"), ("event_id", "ascending")],
    "by time": [("ts", "ascending"), ("event_id", "descending")],
    "backwards": [("ts", "descending"), ("event_id", "descending")],
    "by person": [("person", "ascending"), ("event_id", "ascending")],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("place", [by_day, lambda _: "day=1/all.parquet"], ids=["days", "one"])
def test_in_whatever_order_rows_come(tmp_path, order, place):
    shop = indexed(TINY, tmp_path, place)
    for file in shop.files:
        rewritten(file, lambda table: table.sort_by(order))
    shop.agrees()


def test_texts_with_64_bit_offsets(tmp_path):
    shop = indexed(TINY, tmp_path)

    def large(table: pa.Table) -> pa.Table:
        kinds = [pa.large_string() if f.type == pa.string() else f.type for f in table.schema]
        return table.cast(pa.schema(zip(table.column_names, kinds, strict=True)))

    for file in shop.files[::2]:
        rewritten(file, large)
    shop.agrees()


@pytest.mark.slow
def test_files_of_overlapping_times(tmp_path):
    """Every event in a file of its own choosing; some before 1970, some where no unit is whole."""
    world = draw(
        ann=[at(n * 86_400_000_000 - 3 * 86_400_000_000 + n, "view", n=n) for n in range(9)],
        bob=[at(-(2**52) + n * 7, "buy", n=n) for n in range(9)],
        cat=[at(f"-{n}d", "view", n=n) for n in range(1, 9)],
        dan=[at(0, "view", n=0), at(-1, "view", n=-1), at(1, "view", n=1)],
    )
    where = (
        {"did": "view", "where": {"n": {"at_least": 3}}, "count": {"at_least": 4}},
        {"did": "*", "until": "1970-01-01T00:00:00Z"},
        {"did": "*", "since": "1970-01-01T00:00:00Z", "count": {"at_least": 7}},
        {"did": "*", "days": {"at_least": 8}},
        {"first": {"did": "*"}, "until": "1970-01-01", "having": {"n": {"at_most": 0}}},
        {"sequence": [{"did": "view"}, {"did": "view", "within_next": "1d"}]},
        {"did": "*", "burst": {"count": 9, "in": "1m"}},
    )
    for number in (1, 5):
        shop = indexed(
            world, tmp_path / str(number), lambda e, n=number: f"day=1/{e.ts % n}.parquet"
        )
        shop.agrees(*where)
        shop.agrees(*where, as_of=number - 1)


# ------------------------------------------------------------------------------------------- ties


def test_ties_are_broken_by_id_across_names_and_files(tmp_path):
    """One person for each way to spread three tied events over two names, files and ids."""
    ids = ("B", "a", "é")
    places = list(product(("view", "buy"), ("1", "2")))
    people, files = {}, {}
    for number, (order, spread) in enumerate(product(permutations(ids), product(places, repeat=3))):
        name = f"p{number}"
        people[name] = [
            at("-2d", event, f"{id_}{name}", it=str(n), ok=n == 1)
            for n, (id_, (event, _)) in enumerate(zip(order, spread, strict=True))
        ]
        files |= {f"{id_}{name}": file for id_, (_, file) in zip(order, spread, strict=True)}
        if number % 3 == 0:  # an event that is no rival
            people[name].append(at("-3d", "view", f"0{name}", it="no"))
            files[f"0{name}"] = "1"
    shop = indexed(draw(**people), tmp_path, lambda e: f"day=1/{files[e.event_id]}.parquet")
    asked = [
        {side: {"did": did}, "within": window, "having": having}
        for side in ("last", "first")
        for did in ("*", "view", ["buy", "view"])
        for window in ("60h", "7d")
        for having in ({"it": "0"}, {"it": ["1", "2"]}, {"ok": True}, {"it": {"not_equals": "2"}})
    ]
    found = shop.agrees(*asked)
    assert len({len(people) for people in found.matched.values()}) > 3


# ------------------------------------------------------------------------------------------ texts


ODD = [
    "\x00",
    "a\x00b",
    "\x00\x00",
    "'",
    '"',
    "''",
    "\\",
    "\\'",
    "\n",
    "",
    " ",
    "\ufeffa",
    "\U0010ffff",
    "x" * 1_000_000,
    "x" * 999_999 + "y",
    "é" * 40_000,
]


def test_odd_and_very_long_texts(tmp_path):
    world = draw(**{f"p{n}": [at("-1d", "view", path=text)] for n, text in enumerate(ODD)})
    shop = indexed(world, tmp_path, lambda e: f"day=1/{e.person % 3}.parquet")
    asked = [{"did": "view", "where": {"path": {"equals": text}}} for text in ODD]
    for text in ("\x00", "'", "\\", "xy", "é" * 30_000, ""):
        tests = ("contains", "starts_with", "ends_with", "not_equals")
        asked += [{"did": "view", "where": {"path": {test: text}}} for test in tests]
    asked += [
        {"did": "view", "where": {"path": {"matches": "^x+y$"}}},
        {"did": "view", "where": {"path": {"equals": "É" * 40_000, "ignore_case": True}}},
        {"did": "view", "where": {"path": {"in": ODD[:6]}}},
        {"did": "*", "distinct": {"of": "path", "exactly": 1}},
    ]
    shop.agrees(*asked)


@pytest.mark.parametrize("odd", ["vi'ew", "\x00", 'a"b', "x" * 10_000, "\\", " "])
def test_odd_names_of_events(tmp_path, odd):
    world = draw(ann=[at("-1d", odd)], bob=[at("-1d", "view")])
    indexed(world, tmp_path).agrees({"did": [odd, "other"]}, {"did": "*"}, {"did_not": [odd]})


@pytest.mark.slow
def test_numbers_of_distinct_texts_at_the_ends_of_code_widths(tmp_path):
    """Codes of one byte, of two and of four; files are given one person each."""
    sizes = {"a": 255, "b": 256, "c": 65_535, "d": 70_000}
    world = draw(
        **{who: [at("-1d", "view", path=f"/{n}") for n in range(n_)] for who, n_ in sizes.items()}
    )
    shop = indexed(world, tmp_path, lambda e: f"day=1/{e.person}.parquet")
    found = shop.evaluate(
        *({"did": "view", "distinct": {"of": "path", "exactly": n}} for n in sizes.values()),
        *({"did": "view", "where": {"path": f"/{n - 1}"}} for n in sizes.values()),
        *({"did": "view", "count": {"exactly": n}} for n in sizes.values()),
        *({"did": "view", "count": {"at_most": n}} for n in sizes.values()),
        {"sequence": [{"did": "view"}, {"did": "view"}], "same": ["path"]},
        {"did": "view", "where": {"path": {"matches": "^/6....$"}}, "count": {"at_least": 5_537}},
    )
    sets = [set(people) for people in found.matched.values()]
    one = [{n} for n in range(1, 5)]
    first = [set(range(1, n + 1)) for n in range(1, 5)]
    last = [set(range(n, 5)) for n in range(1, 5)]
    assert sets == [*one, *last, *one, *first, set(), {4}]
    kinds = [
        part.groups[0].values(shop.catalog.properties["path"]["text"]).dtype.itemsize
        for part in _parts(shop)
    ]
    assert sorted(kinds) == [1, 2, 2, 4]


def _parts(shop):
    with shop.engine() as engine:
        return engine.prepare().parts


# ---------------------------------------------------------------------------------------- numbers


BOUNDS = (-BIG, -0.000001, 0, 0.000001, BIG / 4, BIG)


def test_totals_that_leave_64_bits(tmp_path):
    world = draw(
        up=[at(f"-{n}h", "buy", value=BIG) for n in range(1, 8)],
        down=[at(f"-{n}h", "buy", value=-BIG) for n in range(1, 8)],
        even=[at(f"-{n}h", "buy", value=(-1) ** n * BIG) for n in range(1, 5)],
        just=[at(f"-{n}h", "buy", value=(-1) ** n * BIG) for n in range(1, 5)]
        + [at("-9h", "buy", value=0.000001)],
        less=[at(f"-{n}h", "buy", value=(-1) ** n * BIG) for n in range(1, 5)]
        + [at("-9h", "buy", value=-0.000001)],
        one=[at("-1h", "buy", value=BIG), at("-1h", "buy", value="text"), at("-1h", "buy")],
        none=[at("-1h", "buy", value="text")],
    )
    measures = [
        {name: {"of": "value", test: bound}}
        for name in ("sum", "mean", "min", "max")
        for test in ("at_least", "at_most", "more_than", "less_than", "exactly")
        for bound in BOUNDS
    ]
    windows = [{}, {"within": "3h"}, {"within": "7h"}]
    asked = [{"did": "buy", **m, **window} for m in measures for window in windows]
    whole = indexed(world, tmp_path / "one", lambda _: "day=1/all.parquet")
    whole.agrees(*asked)
    indexed(world, tmp_path / "many", lambda e: f"day=1/{e.ts % 5}.parquet").agrees(*asked)


def test_small_and_wide_sums_agree(tmp_path):
    """The narrow way is taken where nothing can overflow, and at its very edge."""
    edge = 2**62 // 1_000_000 // 4
    for number, value in enumerate((edge - 1, edge, edge + 1, 2 * edge + 1, 5.5)):
        world = draw(
            ann=[at(f"-{n}h", "buy", value=value) for n in range(1, 5)],
            bob=[at(f"-{n}h", "buy", value=-value) for n in range(1, 5)],
        )
        bounds = (-value, value, 0) if value <= BIG else (0,)
        indexed(world, tmp_path / str(number)).agrees(
            *(
                {"did": "buy", name: {"of": "value", test: bound}}
                for name in ("sum", "mean")
                for test in ("at_least", "at_most", "more_than", "less_than", "exactly")
                for bound in bounds
            )
        )


def test_sums_and_extremes_of_items(tmp_path):
    world = draw(
        ann=[at(f"-{n}h", "buy", item_id=id_) for n, id_ in enumerate("aaabc", 1)],
        bob=[at(f"-{n}h", "buy", item_id=id_) for n, id_ in enumerate("bbbz", 1)],
        cat=[at("-1h", "buy", item_id="z"), at("-1h", "buy")],
        items={"a": {"price": BIG}, "b": {"price": -BIG}, "c": {"price": "text"}},
    )
    indexed(world, tmp_path).agrees(
        *(
            {"did": "buy", name: {"of": "item.price", test: bound}}
            for name in ("sum", "mean", "min", "max")
            for test in ("at_least", "less_than")
            for bound in BOUNDS
        ),
        {"did": "buy", "distinct": {"of": "item.price", "at_least": 2}},
    )


@pytest.mark.slow
def test_shares_of_counts_past_every_width(tmp_path):
    sizes = {"a": 254, "b": 255, "c": 256, "d": 300, "e": 70_000}
    world = draw(
        **{w: [at("-1d", "view", n=int(n < 250)) for n in range(size)] for w, size in sizes.items()}
    )
    shop = indexed(world, tmp_path)
    found = shop.evaluate(
        *(
            {"did": "view", "share": {"where": {"n": 1}, "at_least": s}}
            for s in (1, 0.97, 0.833333, 0.833334, 0.003571, 0.003572)
        ),
        *({"did": "view", "count": {"at_least": n}} for n in (254, 255, 256, 257, 70_000, 70_001)),
        *({"did": "view", "count": {"between": [n, n]}} for n in (254, 255, 256)),
    )
    sets = ["".join(sorted(world.persons[p] for p in found.matched[i])) for i in found.matched]
    assert sets == [
        "",
        "abc",
        "abcd",
        "abc",
        "abcde",
        "abcd",
        "abcde",
        "bcde",
        "cde",
        "de",
        "e",
        "",
        "a",
        "b",
        "c",
    ]


def test_values_at_the_ends_of_64_bits(tmp_path):
    """Never written by the store, which stops before; a reader must not take them for nothing."""
    shop = indexed(TINY, tmp_path)
    stored = shop.catalog.properties["value"]["number"]

    def changed(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(stored)
        values = ([2**63 - 2, -(2**63) + 1] * len(table))[: len(table)]
        return table.set_column(place, stored, pa.array(values, pa.int64()))

    for file in shop.files:
        rewritten(file, changed)
    found = shop.evaluate(
        {"did": "*", "where": {"value": {"exists": True}}, "count": {"at_least": 1}},
        {"did": "*", "max": {"of": "value", "at_least": BIG}},
        {"did": "*", "min": {"of": "value", "at_most": -BIG}},
    )
    assert [len(people) for people in found.matched.values()] == [3, 3, 2]


# ---------------------------------------------------------------------------------------- persons


NUMBERS = {
    "at the end": {1: 2**32 - 1, 2: 0, 3: 2**31, 4: 2**31 - 1},
    "in one word": {1: 63, 2: 64, 3: 65, 4: 0},
    "far apart": {1: 1_000_000, 2: 999_999, 3: 5_000_000, 4: 4_000_000_000},
    "people without events last": {1: 1, 2: 2, 3: 3, 4: 2**32 - 1},
}


@pytest.mark.parametrize("numbers", NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_persons(tmp_path, numbers):
    shop = indexed(renumbered(TINY, numbers), tmp_path)
    shop.agrees()
    afresh()
    shop.agrees()


@pytest.mark.parametrize("size", [1, 63, 64, 65, 127, 128, 129])
def test_bit_sets_end_with_the_last_person(tmp_path, size):
    world = draw(**{f"p{n}": [at(f"-{n % 3 + 1}d", "view", n=n)] for n in range(size)})
    shop = indexed(renumbered(world, {n + 1: n for n in range(size)}), tmp_path)
    shop.agrees(
        {"did_not": "buy"},
        {"not": {"did": "view", "within": "2d"}},
        {"did": "view", "count": {"at_most": 0}},
        {"did": "view", "sum": {"of": "n", "at_most": 60}},
        {"did": "view", "mean": {"of": "n", "at_least": size - 1}},
        {"none": [{"in_list": "no"}, {"trait": "x", "exists": True}]},
        {"trait": "x", "missing": True},
    )


# ----------------------------------------------------------------------------------- rare columns


def overflowing(shop, names):
    """Move properties into the JSON column, as the store does with the 401st column and on."""
    entries = [
        Entry("p", name, kind, int(stored[1:-2]), name in names)
        for name, typed in shop.catalog.properties.items()
        for kind, stored in typed.items()
    ]
    rare = [entry.column for entry in entries if entry.overflow]

    def moved(table: pa.Table) -> pa.Table:
        held = [{c: row[c] for c in rare if row[c] is not None} for row in table.to_pylist()]
        texts = [
            json.dumps(row, ensure_ascii=n % 2 == 0) if row else None for n, row in enumerate(held)
        ]
        return table.drop_columns(rare).append_column("overflow", pa.array(texts, pa.string()))

    for file in shop.files:
        rewritten(file, moved)
    columns = frozenset(pq.read_schema(shop.files[0]).names)
    shop.relations["events"] = relations.events(
        relations.Table(shop.files, columns, False), entries
    )
    return shop


@pytest.mark.parametrize(
    "names",
    [["path"], ["value"], ["ok", "seen"], ["item_id"], ["path", "value", "ok", "seen", "item_id"]],
)
def test_rare_columns(tmp_path, names):
    overflowing(indexed(TINY, tmp_path), names).agrees()


def test_rare_columns_of_odd_values(tmp_path):
    texts = ["'", '"', "\\", "é", "\U0001f642", "\n", "", "null", "{}", "\x7f", "1"]
    world = draw(
        **{f"p{n}": [at("-1d", "view", path=text)] for n, text in enumerate(texts)},
        up=[at("-1d", "view", path=BIG)] * 3,
        down=[at("-1d", "view", path=-BIG)] * 3,
        yes=[at("-1d", "view", path=True)],
    )
    shop = overflowing(
        indexed(world, tmp_path, lambda e: f"day=1/{e.person % 2}.parquet"), ["path"]
    )
    shop.agrees(
        *({"did": "view", "where": {"path": text}} for text in (*texts, True, BIG)),
        {"did": "view", "where": {"path": {"missing": True}}},
        {"did": "view", "sum": {"of": "path", "at_least": BIG}},
        {"did": "view", "mean": {"of": "path", "exactly": -BIG}},
        {"did": "view", "distinct": {"of": "path", "exactly": 1}},
    )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"a"',
        '{"p1_n": 1e400}',
        '{"p1_n": 99999999999999999999}',
        '{"p1_t": 1}',
        '{"p1_b": "x"}',
    ],
)
def test_rare_columns_that_no_store_writes(tmp_path, text):
    from fewer.errors import EngineError

    shop = indexed(TINY, tmp_path)
    rewritten(
        shop.files[0],
        lambda table: table.append_column("overflow", pa.array([text] * len(table))),
    )
    with pytest.raises(EngineError, match=r"can't be read.*fewer ingest --rebuild"):
        shop.evaluate(*EVERY)
