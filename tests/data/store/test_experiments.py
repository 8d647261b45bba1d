"""Records of experiments: a chain that can only grow, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from pyroaring import BitMap

from fewer.data.store.experiments import FIRST, TamperedError, append, people, records
from fewer.data.store.store import Store


def check(store):
    first = append(store, "a", "plan", {"arms": ["x"]}, at_us=1)
    assigned = append(
        store, "a", "assigned", {}, at_us=2, people={"0/arm:x": BitMap([1, 5]), "0/arm:y": BitMap()}
    )
    append(store, "b", "plan", {"ü": 0.1}, at_us=3)
    found = records(store)
    assert [r.previous for r in found] == [FIRST, first.hash, assigned.hash]
    assert found[:2] == [first, assigned]
    assert [r.kind for r in records(store, "a")] == ["plan", "assigned"]
    assert people(store, assigned) == {"0/arm:x": BitMap([1, 5]), "0/arm:y": BitMap()}
    for statement in (
        "UPDATE experiment_records SET kind = 'lift'",
        "DELETE FROM experiment_records WHERE seq = 3",
        "UPDATE experiment_people SET part = 'z' WHERE part = '0/arm:x'",
        "DELETE FROM experiment_people",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="can not be changed"):
            execute(store, statement)
    assert records(store) == found


def execute(store, statement):
    with store.control.begin() as connection:
        connection.execute(sa.text(statement))


def test_on_sqlite(tmp_path):
    with Store.open(tmp_path / ".fewer") as store:
        check(store)
        execute(store, "DROP TRIGGER experiment_records_no_update")
        execute(store, "UPDATE experiment_records SET created_us = 9 WHERE seq = 2")
        with pytest.raises(TamperedError, match="Record 2 of experiment 'a'"):
            records(store)


@pytest.mark.postgres
def test_on_postgresql(tmp_path, postgres_url):
    with Store.open(tmp_path / ".fewer", control_url=postgres_url) as store:
        check(store)
        execute(store, "ALTER TABLE experiment_records DISABLE TRIGGER ALL")
        execute(store, "UPDATE experiment_records SET created_us = 9 WHERE seq = 2")
        with pytest.raises(TamperedError, match="Record 2 of experiment 'a'"):
            records(store)
