"""Numbers for people of tables in place: given once, kept for good, never twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pytest

from fewer.data.store import numbering
from fewer.data.store.numbering import numbered
from fewer.data.store.store import Store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / ".fewer"


def test_each_key_has_one_number(root):
    with Store.open(root) as store:
        first = numbered(store, pa.array(["bob", "ann", "é", "bob"]))
        assert first.type == pa.uint32()
        assert first[0] == first[3]
        assert len(set(first.to_pylist())) == 3
        again = numbered(store, pa.array(["cy", "é", "ann"]))
        assert again.to_pylist()[1:] == [first[2].as_py(), first[1].as_py()]
        assert again[0].as_py() not in first.to_pylist()
        number = store.generation().number
        assert numbered(store, pa.array(["ann"])).to_pylist() == [first[1].as_py()]
        assert store.generation().number == number, "nothing new, nothing written"
    with Store.open(root) as later:
        assert numbered(later, pa.array(["bob"])).to_pylist() == [first[0].as_py()]


def test_of_no_one(root):
    with Store.open(root) as store:
        assert len(numbered(store, pa.array([], pa.string()))) == 0
        assert store.generation().is_empty


def test_several_at_once_agree(root):
    keys = [[f"p{n}" for n in range(start, start + 60)] for start in (0, 20, 40, 0)]
    found: list[dict[str, int]] = []

    def ask(mine: list[str]) -> None:
        with Store.open(root) as store:
            numbers = numbered(store, pa.array(mine)).to_pylist()
        found.append(dict(zip(mine, numbers, strict=True)))

    with Store.open(root):  # the control database is made once
        threads = [threading.Thread(target=ask, args=(mine,)) for mine in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == len(keys)
    together: dict[str, int] = {}
    for each in found:
        assert all(together.get(key, n) == n for key, n in each.items())
        together |= each
    assert len(set(together.values())) == len(together) == 100


def test_a_write_that_fails_gives_no_number(root, monkeypatch):
    def failing(writer) -> None:
        given(writer)
        raise OSError("no space left on device")

    given = numbering.number_persons
    monkeypatch.setattr(numbering, "number_persons", failing)
    with Store.open(root) as store:
        with pytest.raises(OSError, match="no space"):
            numbered(store, pa.array(["ann"]))
        monkeypatch.undo()
        assert store.generation().is_empty
        assert len(set(numbered(store, pa.array(["bob", "ann"])).to_pylist())) == 2
