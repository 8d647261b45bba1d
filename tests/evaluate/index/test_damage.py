"""Whatever happens to the files of the index or to the data: right answers, or a clear error."""

from __future__ import annotations

import shutil
import struct
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conformance.engines import answered, planned
from evaluate.index.indexed import EVERY, TINY, afresh, at, draw, indexed, rewritten
from fewer.errors import EngineError
from fewer.evaluate.index import layout
from fewer.evaluate.index.digest import digest
from fewer.evaluate.index.layout import DamagedPartError, PartFile, write


@pytest.fixture
def shop(tmp_path):
    made = indexed(TINY, tmp_path)
    made.agrees()
    afresh()
    return made


def flip(path: Path, place: int) -> None:
    """Change one bit of one byte of a file, where it lies."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 0x10]))


def sections(path: Path) -> dict[str, tuple[int, int]]:
    """Sections of a part by name: where they begin in the file, and how long they are."""
    file = PartFile(path)
    found = {}
    for name, (dtype, count, offset, _) in file._sections.items():
        if count:
            found[name] = file._base + offset, count * np.dtype(dtype).itemsize
    return found


def is_whole(path: Path) -> bool:
    """Whether a part is as it was written."""
    try:
        file = PartFile(path)
        for name in file._sections:
            file.array(name)
    except (DamagedPartError, FileNotFoundError):
        return False
    return True


# --------------------------------------------------------------------------------- round trips


def test_a_part_gives_back_what_was_written(tmp_path):
    arrays = {
        "none": np.zeros(0, np.int64),
        "bytes": np.arange(7, dtype=np.uint8),
        "codes": np.arange(70_000, dtype=np.uint16),
        "whole": np.array([np.iinfo(np.int64).min, -1, 0, np.iinfo(np.int64).max]),
        "apart": np.arange(10, dtype=np.uint32)[::3],  # not in one piece
        "bits": np.array([2**64 - 1], np.uint64),
        "last": np.zeros(0, np.uint8),
    }
    facts = {"rows": 3, "né": ["\u2028", "\x00", "'\""], "deep": {"a": [None, True]}}
    write(tmp_path / "x.part", facts, arrays)
    held = PartFile(tmp_path / "x.part")
    assert held.facts == facts
    for name, array in arrays.items():
        assert name in held
        found = held.array(name)
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)
        with pytest.raises(ValueError, match="read-only"):
            found[:] = 0
    assert "other" not in held
    assert [path.name for path in tmp_path.iterdir()] == ["x.part"]


def test_the_same_data_makes_the_same_part(shop, tmp_path):
    for number, file in enumerate(shop.files):
        again = tmp_path / f"{number}.part"
        write(again, *digest(Path(file)))
        assert again.read_bytes() == shop.parts[number].read_bytes()


def test_writing_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "x.part").mkdir()  # nothing can take its place
    (tmp_path / "x.part" / "y").touch()
    with pytest.raises(OSError, match=r"x\.part"):
        write(tmp_path / "x.part", {}, {"a": np.arange(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["x.part"]


# -------------------------------------------------------------------------------- damaged parts


@pytest.mark.slow
def test_every_section_damaged_by_one_byte(shop):
    """One after another; all conditions are asked each time, and read nearly all of them."""
    right = answered(shop.agrees())
    repaired, unread = 0, []
    for part in shop.parts[::2]:
        for name, (begin, size) in sections(part).items():
            flip(part, begin + repaired % size)
            assert not is_whole(part)
            afresh()
            assert answered(shop.evaluate(*EVERY)) == right, name
            if not is_whole(part):
                unread.append(name)
                flip(part, begin + repaired % size)
            repaired += 1
    assert repaired > 20
    assert len(unread) < repaired // 2, unread


def test_the_start_and_the_header_damaged_by_one_byte(shop):
    right = answered(shop.agrees())
    part = shop.parts[0]
    end = layout._START.size + struct.unpack_from("<I", part.read_bytes(), 12)[0]
    for place in [*range(0, layout._START.size, 3), *range(layout._START.size, end, 499), end - 1]:
        flip(part, place)
        assert not is_whole(part), place
        afresh()
        found = shop.evaluate(*EVERY)
        assert (answered(found), found.facts["parts_made"]) == (right, 1), place
        assert is_whole(part), place


@pytest.mark.parametrize("kept", [0, 1, 23, 24, 25, 200, -1, -64, -4_000])
def test_a_part_cut_short(shop, kept):
    part = shop.parts[1]
    whole = part.read_bytes()
    part.write_bytes(whole[:kept])
    assert not is_whole(part)
    shop.agrees()
    assert part.read_bytes() == whole


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"FEWERIDX",
        b"\0" * 5_000,
        b"PAR1" + b"x" * 100,
        layout._START.pack(layout.MAGIC, layout.VERSION, 2**32 - 1, 0),
        layout._START.pack(layout.MAGIC, layout.VERSION, 0, 0x2D06800538D394C2),
    ],
    ids=["nothing", "magic", "zeros", "other", "endless", "no-header"],
)
def test_a_file_that_is_no_part(shop, held):
    part = shop.parts[0]
    whole = part.read_bytes()
    part.write_bytes(held)
    shop.agrees()
    assert part.read_bytes() == whole


def test_parts_of_an_older_version_are_made_anew(shop, monkeypatch):
    before = [part.read_bytes() for part in shop.parts]
    with monkeypatch.context() as patch:
        patch.setattr(layout, "VERSION", layout.VERSION - 1)
        for file, part in zip(shop.files, shop.parts, strict=True):
            write(part, *digest(Path(file)))
    assert not any(map(is_whole, shop.parts))
    found = shop.agrees()
    assert found.facts["parts_made"] == len(shop.parts)
    assert [part.read_bytes() for part in shop.parts] == before


def test_parts_of_another_file_under_its_name(shop):
    """What no checksum can see does not happen by itself; a part is found by its file's name."""
    found = {part.name for part in shop.parts}
    assert len(found) == len(shop.files)
    assert {path.name for path in shop.cache.iterdir()} == found


def test_a_part_is_damaged_while_it_is_mapped(shop):
    """Sections that were not touched yet are checked when they are."""
    scene, asked = shop.asked(EVERY[0])
    with shop.engine() as engine:
        engine.evaluate(planned(scene, asked, shop.catalog))
        damaged = 0
        for part in engine.prepare().parts:
            for name, (begin, size) in sections(part.file.path).items():
                if name not in part.file._touched:
                    flip(part.file.path, begin + size // 2)
                    damaged += 1
        assert damaged > 30
        scene, asked = shop.asked()
        found = engine.evaluate(planned(scene, asked, shop.catalog))
    assert answered(found) == shop.right()


def test_a_part_is_deleted_while_it_is_mapped(shop):
    scene, asked = shop.asked(EVERY[0])
    with shop.engine() as engine:
        engine.evaluate(planned(scene, asked, shop.catalog))
        for part in shop.parts:
            part.unlink()
        scene, asked = shop.asked()
        found = engine.evaluate(planned(scene, asked, shop.catalog))
        assert answered(found) == shop.right()
    afresh()
    assert shop.agrees().facts["parts_made"] == len(shop.files)


def test_two_engines_share_a_part_that_proves_damaged(shop):
    """The one repairs it; the other, which still has the old one mapped, repairs itself."""
    scene, asked = shop.asked()
    plan = planned(scene, asked, shop.catalog)
    with shop.engine() as one, shop.engine() as other:
        one.prepare()
        other.prepare()
        for part in shop.parts:
            for begin, _ in sections(part).values():
                flip(part, begin)
        assert answered(one.evaluate(plan)) == shop.right()
        assert answered(other.evaluate(plan)) == shop.right()


def test_the_folder_is_deleted_between_evaluations(shop):
    scene, asked = shop.asked(EVERY[0])
    with shop.engine() as engine:
        engine.evaluate(planned(scene, asked, shop.catalog))
        shutil.rmtree(shop.cache)
        scene, asked = shop.asked()
        assert answered(engine.evaluate(planned(scene, asked, shop.catalog))) == shop.right()
        shutil.rmtree(shop.cache, ignore_errors=True)
    shop.agrees()
    afresh()
    shop.agrees()
    assert all(map(is_whole, shop.parts))


def test_a_disk_that_damages_whatever_is_written(shop, monkeypatch):
    """It ends, with a way out."""
    monkeypatch.setattr(layout, "checksum", lambda _: 0)
    for part in shop.parts:
        part.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "array", _damaged)
        with pytest.raises(EngineError, match=r"damaged again.*--engine duckdb"):
            shop.evaluate(*EVERY)


def _damaged(file: PartFile, _: str) -> None:
    raise DamagedPartError(file.path.name)


# ------------------------------------------------------------------------------------- the data


def test_a_data_file_vanished_before_it_was_indexed(shop):
    gone = Path(shop.files[1])
    gone.unlink()
    with pytest.raises(EngineError) as caught:
        shop.evaluate(*EVERY)
    assert f"{gone.parent.name}/{gone.name}" in str(caught.value)
    assert "fewer ingest --rebuild" in str(caught.value)
    assert str(shop.folder) not in str(caught.value)


TIED = draw(
    ann=[
        at("-2d", "view", "a", path="/x"),
        at("-2d", "view", "b", path="/y"),
        at("-2d", "buy", "c", path="/x"),
    ],
)
BY_ID = {"last": {"did": "*"}, "within": "7d", "having": {"path": "/x"}}


def test_a_data_file_vanished_whose_ids_decide(tmp_path):
    """Ids are in the data files alone."""
    shop = indexed(TIED, tmp_path)
    scene, asked = shop.asked(BY_ID)
    with shop.engine() as engine:
        engine.prepare()
        Path(shop.files[0]).unlink()
        with pytest.raises(EngineError, match=r"is gone.*fewer ingest --rebuild"):
            engine.evaluate(planned(scene, asked, shop.catalog))


@pytest.mark.parametrize("left", [0, 3, 300, -20])
def test_a_data_file_cut_short_whose_ids_decide(tmp_path, left):
    shop = indexed(TIED, tmp_path)
    scene, asked = shop.asked(BY_ID)
    with shop.engine() as engine:
        engine.prepare()
        path = Path(shop.files[0])
        path.write_bytes(path.read_bytes()[:left])
        with pytest.raises(EngineError, match=r"can't be read.*fewer ingest --rebuild"):
            engine.evaluate(planned(scene, asked, shop.catalog))


@pytest.mark.parametrize("left", [0, 3, 300, -20])
def test_a_data_file_cut_short(shop, left):
    path = Path(shop.files[0])
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(EngineError, match=r"can't be read.*fewer ingest --rebuild"):
        shop.evaluate(*EVERY)
    assert not list(shop.cache.glob(".*"))


def test_a_data_file_damaged_inside(tmp_path):
    """A byte of compressed pages; whatever the reader makes of it, it is no traceback."""
    shop = indexed(TINY, tmp_path, lambda _: "day=1/all.parquet", compression="zstd")
    path = Path(shop.files[0])
    whole = path.read_bytes()
    told = []
    for place in range(4, len(whole) - 8, len(whole) // 40):
        path.write_bytes(whole)
        flip(path, place)
        try:
            digest(path)
        except EngineError as error:
            told.append(str(error))
    assert told
    assert all("fewer ingest --rebuild" in text for text in told)


def test_a_data_file_is_another_file_of_the_same_name(shop):
    """Its new content counts, for the next engine."""
    other = shop.files[0]
    where = {"did": "*", "where": {"path": "/"}}
    assert shop.agrees(where).matched["c0"]

    def changed(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(shop.catalog.properties["path"]["text"])
        texts = pa.array([None if t is None else "!" for t in table.column(place).to_pylist()])
        return table.set_column(place, table.field(place).name, texts)

    for file in shop.files:
        rewritten(file, changed)
    assert other in shop.files
    assert not shop.evaluate(where).matched["c0"]
    assert shop.evaluate({"did": "*", "where": {"path": "!"}}).matched["c0"]
    assert {path.name for path in shop.cache.iterdir()} == {part.name for part in shop.parts}


RETYPED = {
    "text as number": ("path", "text", pa.array([1, 2]), "int64"),
    "number as text": ("value", "number", pa.array(["1", "2"]), "string"),
    "number as double": ("value", "number", pa.array([1.0, 2.5]), "double"),
    "number as decimal": ("value", "number", pa.array([1, 2], pa.decimal128(20, 3)), "decimal"),
    "number as wide": ("value", "number", pa.array([2**64 - 1, 1], pa.uint64()), "uint64"),
    "boolean as number": ("ok", "boolean", pa.array([1, 0]), "int64"),
    "time as timestamp": ("seen", "timestamp", pa.array([1, 2], pa.timestamp("us")), "timestamp"),
    "text as bytes": ("path", "text", pa.array([b"\xff", b"a"]), "binary"),
}


def columns_of(column: pa.Array, size: int) -> pa.Array:
    return pa.concat_arrays([column] * size).slice(0, size)


@pytest.mark.parametrize("case", RETYPED.values(), ids=RETYPED)
def test_a_column_changed_its_type(tmp_path, case):
    name, kind, column, shown = case
    shop = indexed(TINY, tmp_path)
    stored = shop.catalog.properties[name][kind]

    def changed(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(stored)
        return table.set_column(place, stored, columns_of(column, len(table)))

    rewritten(shop.files[0], changed)
    with pytest.raises(EngineError) as caught:
        shop.evaluate(*EVERY)
    assert repr(stored) in str(caught.value)
    assert shown in str(caught.value)
    assert "fewer ingest --rebuild" in str(caught.value)


KEYS = {
    "person as text": ("person", pa.array(["1"])),
    "person as double": ("person", pa.array([1.5])),
    "person below zero": ("person", pa.array([-1])),
    "person beyond 32 bits": ("person", pa.array([2**32])),
    "no person": ("person", pa.array([None], pa.uint32())),
    "time as text": ("ts", pa.array(["2026-03-30"])),
    "time as timestamp": ("ts", pa.array([1], pa.timestamp("us"))),
    "no time": ("ts", pa.array([None], pa.int64())),
    "name as number": ("event", pa.array([1])),
    "no name": ("event", pa.array([None], pa.string())),
}


@pytest.mark.parametrize("case", KEYS.values(), ids=KEYS)
def test_a_key_is_not_what_it_was(tmp_path, case):
    name, column = case
    shop = indexed(TINY, tmp_path)

    def changed(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, columns_of(column, len(table)))

    rewritten(shop.files[0], changed)
    with pytest.raises(EngineError, match="fewer ingest --rebuild"):
        shop.evaluate({"did": "view"})


@pytest.mark.parametrize("name", ["person", "ts", "event", "event_id"])
def test_a_key_is_not_there(tmp_path, name):
    shop = indexed(TIED, tmp_path)
    rewritten(shop.files[0], lambda table: table.drop_columns([name]))
    with pytest.raises(EngineError, match="fewer ingest --rebuild"):
        shop.evaluate(BY_ID)


def test_data_without_rows(tmp_path):
    shop = indexed(TINY, tmp_path)
    for file in shop.files:
        rewritten(file, lambda table: table.slice(0, 0))
    empty = shop.only(*shop.files)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = empty.agrees()
    assert found.facts["events"] == 0
    assert pq.read_metadata(shop.files[0]).num_rows == 0


def test_no_data_and_no_people(tmp_path):
    shop = indexed(draw(), tmp_path)
    shop.agrees({"did": "view"}, {"did_not": "view"}, {"all": []}, {"in_list": "vip"})
