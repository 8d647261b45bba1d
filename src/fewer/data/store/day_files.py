"""Event files: rows in the order of time become one Parquet file for each UTC day.

Rows are encoded by a thread of their own, while the next ones are being sorted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fewer.data.store.tables import DataFile
from fewer.model.window import DAY

_GROUP_ROWS: Final = 122_880
_WAITING: Final = 4
"""Row groups that may wait to be encoded: memory for them is bounded."""

_LEVEL: Final = 1
_EPOCH: Final = date(1970, 1, 1).toordinal()


def day_text(number: int) -> str:
    """The UTC day `number` days after 1970-01-01.

    >>> day_text(20_000)
    '2024-10-04'
    """
    return date.fromordinal(_EPOCH + number).isoformat()


def write_days(
    batches: Iterable[pa.RecordBatch], folder: Path, name: str, *, distinct: Collection[str]
) -> list[DataFile]:
    """Write rows in the order of their column ``ts`` below `folder`, a file for each day.

    Texts get dictionaries, but for those of the columns `distinct`, of which nearly every value
    is another; these have no statistics either.
    """
    files: list[DataFile] = []
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1) as pool:
        file: _DayFile | None = None

        def put(done: _DayFile, table: pa.Table) -> None:
            waiting.append(pool.submit(done.write, table))
            while len(waiting) > _WAITING:
                waiting.popleft().result()

        def end(done: _DayFile) -> None:
            put(done, done.take())
            pool.submit(done.close).result()
            files.append(DataFile(done.path, done.rows, done.size, done.day))

        try:
            for day, rows in _by_day(batches):
                if file is not None and file.day != day:
                    end(file)
                    file = None
                if file is None:
                    file = _DayFile(folder, name, day, rows.schema, distinct)
                if file.add(rows) >= _GROUP_ROWS:
                    put(file, file.take())
            if file is not None:
                end(file)
        finally:
            for left in waiting:
                left.cancel()
    return files


def _by_day(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, pa.RecordBatch]]:
    for batch in batches:
        if not batch.num_rows:
            continue
        days = batch.column("ts").to_numpy() // DAY
        cuts = (np.flatnonzero(days[1:] != days[:-1]) + 1).tolist()
        for start, stop in zip([0, *cuts], [*cuts, batch.num_rows], strict=True):
            yield day_text(int(days[start])), batch.slice(start, stop - start)


class _DayFile:
    """The file of one day while it is written."""

    def __init__(
        self, folder: Path, name: str, day: str, schema: pa.Schema, distinct: Collection[str]
    ) -> None:
        self.day = day
        self.path = f"day={day}/{name}.parquet"
        self.rows = 0
        self.size = 0
        self._full = folder / self.path
        self._schema = schema
        self._distinct = distinct
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.RecordBatch] = []
        self._held_rows = 0

    def add(self, rows: pa.RecordBatch) -> int:
        """Keep rows for the next row group; return how many are kept."""
        self._held.append(rows)
        self._held_rows += rows.num_rows
        return self._held_rows

    def take(self) -> pa.Table:
        """The rows kept."""
        table = pa.Table.from_batches(self._held, self._schema)
        self.rows += self._held_rows
        self._held, self._held_rows = [], 0
        return table

    def write(self, table: pa.Table) -> None:
        """Encode a row group."""
        if self._writer is None:
            self._writer = self._opened()
        self._writer.write_table(table, row_group_size=_GROUP_ROWS * 2)

    def _opened(self) -> pq.ParquetWriter:
        self._full.parent.mkdir(parents=True, exist_ok=True)
        usual = [field for field in self._schema if field.name not in self._distinct]
        return pq.ParquetWriter(
            self._full,
            self._schema,
            compression="zstd",
            compression_level=_LEVEL,
            use_dictionary=[field.name for field in usual if pa.types.is_string(field.type)],
            write_statistics=[field.name for field in usual],
            store_schema=False,
        )

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()
        self.size = self._full.stat().st_size
