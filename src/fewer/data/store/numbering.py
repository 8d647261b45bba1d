"""Numbers for people whom no file brought: those of tables that are read where they are.

A number is given once and kept for good, so that snapshots stay true whatever the tables say
later. New ones are published as a generation of their own, all or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from fewer.data.store.batch import number_persons

if TYPE_CHECKING:
    from fewer.data.store.generation import Generation
    from fewer.data.store.store import Store

_KNOWN = "known"


def numbered(store: Store, keys: pa.Array) -> pa.Array:
    """The number (uint32) of each key, in their order; keys that have none are given one."""
    keys = keys.cast(pa.string())
    found = _known(store.generation(), keys)
    if found.null_count:
        _append(store, keys.filter(found.is_null()))
        found = _known(store.generation(), keys)
    return found


def _known(generation: Generation, keys: pa.Array) -> pa.Array:
    """Number of each key; null where it has none."""
    asked = pa.table({"at": pa.array(range(len(keys)), pa.int64()), "key": keys})
    files = list(generation.files("persons"))
    if not files:
        return pa.nulls(len(keys), pa.uint32())
    with duckdb.connect(":memory:") as connection:
        connection.register("asked", asked)
        rows = connection.sql(
            """
            SELECT CAST(p.person AS UINTEGER) AS person
            FROM asked AS a LEFT JOIN read_parquet(?) AS p ON p.key = a.key
            ORDER BY a.at
            """,
            params=[files],
        )
        return rows.to_arrow_table().column("person").combine_chunks()


def _append(store: Store, keys: pa.Array) -> None:
    batch = pa.table({"pkey": keys, "pkind": pa.array([_KNOWN] * len(keys), pa.string())})
    with store.write() as writer:
        # Whoever gave numbers meanwhile has published: the writer starts from there.
        writer.db.register("batch", batch)
        number_persons(writer)
        writer.publish([], now_us=None)
