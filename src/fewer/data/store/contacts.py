"""Contact identifiers, opened for an export and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyroaring import BitMap

if TYPE_CHECKING:
    from fewer.data.store.store import Store

SCHEMA: Final = pa.schema({"person": pa.uint32(), "kind": pa.string(), "value": pa.string()})


def read_contacts(store: Store, persons: BitMap, kinds: Collection[str]) -> pa.Table:
    """Contacts of `persons` of these kinds, decrypted: (person, kind, value), sorted.

    Of each source the newest value of a person and kind counts; sources may add different ones.
    """
    generation = store.generation()
    roots = generation.merges
    others = [identity for identity, root in roots.items() if root in persons]
    wanted = pa.array([*persons, *others], pa.int32())
    newest: dict[tuple[int, str, str], tuple[tuple[int, int, int], bytes]] = {}
    for path in generation.files("contacts"):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(
                columns=["person", "kind", "value", "source", "valid_from", "seq", "line"]
            ):
                chosen = pc.and_(
                    pc.is_in(batch["person"], value_set=wanted),
                    pc.is_in(batch["kind"], value_set=pa.array(list(kinds), pa.string())),
                )
                for row in batch.filter(chosen).to_pylist():
                    person = roots.get(row["person"], row["person"])
                    key = (person, row["kind"], row["source"])
                    first = -(2**63)
                    age = (
                        first if row["valid_from"] is None else row["valid_from"],
                        row["seq"],
                        row["line"],
                    )
                    if key not in newest or newest[key][0] < age:
                        newest[key] = (age, row["value"])
    rows = {
        (person, kind, store.vault.open("contacts", sealed, kind.encode()).decode())
        for (person, kind, _), (_, sealed) in newest.items()
    }
    ordered = [
        {"person": person, "kind": kind, "value": value} for person, kind, value in sorted(rows)
    ]
    return pa.Table.from_pylist(ordered, schema=SCHEMA)
