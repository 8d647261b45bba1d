"""A large file, taken in pieces, gives what it gives as a whole."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.bench import Bench, events
from fewer.data.sources import pieces

PROPERTIES = {"page": "page", "n": {"column": "n", "type": "number"}}


def rows(seed, count=240, *, ordered):
    """Rows with repeats, equal rows, refused rows and values that can't be read."""
    dice = random.Random(seed)
    made = [
        {
            "id": f"e{dice.randrange(count)}",
            "who": dice.choice(["", *(f"p{dice.randrange(40)}" for _ in range(9))]),
            "at": dice.choice(
                ["never", "1969-12-31T23:59:59.5"]
                + [
                    f"2026-03-{dice.randrange(1, 9):02d}T{dice.randrange(24):02d}:00"
                    for _ in "x" * 40
                ]
            ),
            "page": dice.choice(["/a", "/e\u0301", "", "/b'c"]),
            "n": dice.choice(["1.5", "x", "", "-2"]),
        }
        for _ in range(count)
    ]
    made += dice.sample(made, count // 10)
    return sorted(made, key=lambda row: row["at"]) if ordered else made


def write(bench, form, data):
    if form == "jsonl":
        bench.write("log.jsonl", data)
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(data), bench.folder / "log.parquet", row_group_size=97)
    else:
        lines = [",".join(f'"{value}"' for value in row.values()) for row in data]
        bench.write("log.csv", "\n".join([",".join(data[0]), *lines, "ragged"]) + "\n")


def known(folder, form, data, mappings):
    """All that an ingest in a folder of its own leaves and says."""
    folder.mkdir()
    bench = Bench(folder).sources({"id": "log", "files": f"log.{form}", "events": mappings})
    write(bench, form, data[: len(data) // 3])
    results = [bench.ingest().files]
    write(bench, form, data)  # a file that grew: its rows are partly known
    results.append(bench.ingest().files)
    generation = bench.store.generation()
    found = (
        results,
        generation.fingerprint,
        generation.facts,
        bench.rows("events"),
        bench.rows("persons"),
        sorted(
            bench.store.quarantine(limit=10_000), key=lambda row: (row.row, row.reason, row.raw)
        ),
    )
    assert list((folder / ".fewer" / "staging").iterdir()) == []
    bench.store.close()
    return found


@pytest.mark.parametrize(
    "mappings",
    [
        events(properties=PROPERTIES),
        events(properties=PROPERTIES, id={"columns": ["id"]}),
        [
            events(properties=PROPERTIES, id={"columns": ["id"]}),
            events(event="again", properties={"page": "page"}, when={"n": "1.5"}),
        ],
    ],
    ids=["hashed", "given", "both"],
)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("ordered", [True, False], ids=["log", "shuffled"])
def test_pieces_make_no_difference(tmp_path, monkeypatch, mappings, form, ordered):
    data = rows(7, ordered=ordered)
    whole = known(tmp_path / "whole", form, data, mappings)
    monkeypatch.setattr(pieces, "PIECE_ROWS", 40)
    assert known(tmp_path / "it's in pieces", form, data, mappings) == whole


def test_a_large_file_without_a_good_row(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_ROWS", 2)
    bench = Bench(tmp_path).sources({"id": "log", "files": "log.jsonl", "events": events()})
    bench.write("log.jsonl", [{"who": "ann", "at": "never"}] * 5)
    assert bench.ingest().rows.reasons == {"ts_unparseable": 5}
    bench.store.close()


def test_files_hold_days_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_ROWS", 40)
    bench = Bench(tmp_path).sources(
        {"id": "log", "files": "log.csv", "events": events(properties=PROPERTIES)}
    )
    write(bench, "csv", rows(3, ordered=False))
    bench.ingest()
    for path in bench.store.generation().files("events"):
        table = pq.read_table(path, columns=["ts", "event_id"], partitioning=None)
        found = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        assert found == sorted(found)
    bench.store.close()
