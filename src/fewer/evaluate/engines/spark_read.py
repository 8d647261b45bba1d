"""The canonical relations as frames of Spark: files of the store, or the user's own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from fewer.errors import EngineError, UnsupportedByEngineError
from fewer.evaluate.engines.base import Dataset
from fewer.evaluate.engines.spark_errors import told
from fewer.evaluate.engines.staging import RELATIONS, staged
from fewer.model.catalog import Catalog
from fewer.model.values import ValueType

_EVENT: Final = {
    "event_id": "STRING",
    "person": "BIGINT",
    "ts": "BIGINT",
    "event": "STRING",
    "source": "STRING",
}
_OF_VALUE: Final[Mapping[ValueType, str]] = {
    "text": "STRING",
    "number": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "BIGINT",
}
_OVERFLOW: Final = "overflow"
"""Column of the store's files that holds the values of rare properties as JSON."""


def frames(spark: Any, dataset: Dataset, folder: Path) -> tuple[dict[str, Any], int | None]:
    """A frame for each relation, and how many persons there are if that is known.

    What Spark can't read itself is staged below `folder`.

    Raises:
        EngineError: a file is gone, or a column of it has another type than the catalog says.
    """
    if dataset.in_place:
        own = dataset.relations.items()
        return {name: spark.sql(query.sql(dialect="spark")) for name, query in own}, None
    types = _event_types(dataset.catalog)
    as_they_are = _readable(dataset, types)
    only = [name for name in RELATIONS if name != "events" or not as_they_are]
    files: dict[str, Sequence[str]] = {
        name: [str(path)] for name, path in staged(dataset, folder, only=only).items()
    }
    found = {name: _frame(spark, _types_of(paths[0]), paths) for name, paths in files.items()}
    if as_they_are:
        found["events"] = _frame(spark, types, dataset.files)
    return found, pq.read_metadata(files["persons"][0]).num_rows


def columns_of(spark: Any, place: Sequence[str]) -> dict[str, str]:
    """Column -> type of a table of the catalog, or of Parquet files; nothing when not there."""
    if not place[0]:
        paths = list(place[1:])
        if not all(path.endswith((".parquet", ".parq")) for path in paths):
            raise UnsupportedByEngineError(
                f"Spark reads Parquet files in place, not {', '.join(paths)}. Make a table of them,"
                " or use the engine duckdb."
            )
        with told(f"read {', '.join(paths)}"):
            return _types_in(spark.read.parquet(*paths))
    name = ".".join(f"`{part.replace('`', '``')}`" for part in place)
    with told("read the catalog"):
        if not spark.catalog.tableExists(name):
            return {}
        return _types_in(spark.table(name))


def _types_in(frame: Any) -> dict[str, str]:
    return {each.name: each.dataType.simpleString() for each in frame.schema.fields}


def _frame(spark: Any, types: Mapping[str, str], files: Sequence[str]) -> Any:
    """Columns that a file lacks are null: the types are given, not looked for."""
    schema = ", ".join(f"{name} {kind}" for name, kind in types.items())
    return spark.read.schema(schema).parquet(*files)


def _event_types(catalog: Catalog) -> dict[str, str]:
    typed = {
        column: _OF_VALUE[kind]
        for columns in catalog.properties.values()
        for kind, column in columns.items()
    }
    return {**_EVENT, **dict(sorted(typed.items()))}


def _readable(dataset: Dataset, types: Mapping[str, str]) -> bool:
    """Whether the files of events hold every column that the catalog names, as it names them."""
    if not dataset.files:
        return False
    stored: set[str] = set()
    for file in dataset.files:
        schema = _schema(file)
        for name in types.keys() & set(schema.names):
            found = _type(schema.field(name).type)
            if found != types[name]:
                raise EngineError(
                    f"Column {name!r} of {Path(file).name} holds {schema.field(name).type}, and"
                    f" the project expects {types[name]}. The file was changed by something else:"
                    " restore it, or delete it and ingest its source again."
                )
        stored.update(schema.names)
    return _OVERFLOW not in stored or types.keys() <= stored


def _types_of(file: str) -> dict[str, str]:
    """Columns of a staged file; DuckDB's type for persons is unsigned, which Spark lacks."""
    fields = ((f.name, _type(f.type)) for f in _schema(file))
    return {name: kind for name, kind in fields if kind}


def _schema(file: str) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except FileNotFoundError:
        raise EngineError(
            f"The file {Path(file).name} of the store is not there any more. Build again; if it"
            " stays away, restore it or ingest its source again."
        ) from None
    except (OSError, pa.ArrowInvalid):
        raise EngineError(
            f"The file {Path(file).name} of the store can't be read: it is no whole Parquet file."
            " Restore it, or delete it and ingest its source again."
        ) from None


def _type(found: pa.DataType) -> str:
    """Spark's type for what a file holds; empty for what no relation has."""
    if pa.types.is_integer(found):
        return "BIGINT"
    if pa.types.is_string(found) or pa.types.is_large_string(found):
        return "STRING"
    return "BOOLEAN" if pa.types.is_boolean(found) else ""
