"""The browser's events as Parquet files with nested properties, as exports leave them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fewer.data.simulate.catalogue import (
    AGENTS,
    BOT_AGENTS,
    CAMPAIGNS,
    CATEGORIES,
    COUNTRIES,
    DEVICES,
    KINDS,
    PATHS,
    PLATFORMS,
    TITLES_PER_CATEGORY,
    Items,
)
from fewer.data.simulate.log import CODE, Ints, Log, concat
from fewer.data.simulate.parameters import Parameters
from fewer.data.simulate.people import Roll

_FORMS = {"day": "%Y-%m-%d", "month": "%Y-%m", "all": "all"}
OLD_ITEMS = 40  # items that left the catalogue but still occur in the log


@dataclass(frozen=True, slots=True)
class Web:
    """Rows of the web log in the order in which they were received."""

    log: Log
    received: Ints  # microseconds from the first midnight
    anonymous: npt.NDArray[np.bool_]  # rows that name nobody
    number: Ints  # of the event; a repeated delivery repeats it

    def take(self, index: npt.NDArray[np.generic]) -> Web:
        """The rows at `index` (positions or a mask)."""
        rest = (column[index] for column in (self.received, self.anonymous, self.number))
        return Web(self.log.take(index), *rest)


def joined(parts: list[Web]) -> Web:
    """All rows of several logs, in the order of receipt."""
    web = Web(
        concat(part.log for part in parts),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("received", "anonymous", "number")
        ),
    )
    return web.take(np.argsort(web.received, kind="stable"))


class EventFiles:
    """Parquet files of a day or a month each, written a day at a time: one row group a day."""

    def __init__(self, folder: Path, stem: str, parameters: Parameters) -> None:
        self._folder = folder
        self._stem = stem
        self._parameters = parameters
        self._name = ""
        self._writer: pq.ParquetWriter | None = None
        self.rows: dict[str, int] = {}

    def write(self, day: int, table: pa.Table) -> None:
        """Append the rows of `day`; days come in order."""
        date = self._parameters.first_day + timedelta(days=day)
        name = f"{self._stem}-{date.strftime(_FORMS[self._parameters.files])}.parquet"
        if name != self._name:
            self.close()
            self._name = name
            self._writer = pq.ParquetWriter(
                self._folder / name, table.schema, compression="zstd", store_schema=False
            )
            self.rows[name] = 0
        if self._writer is not None:
            self._writer.write_table(table, row_group_size=max(1, len(table)))
        self.rows[name] += len(table)

    def close(self) -> None:
        """Finish the last file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def web_table(web: Web, roll: Roll, items: Items, *, first_day: datetime) -> pa.Table:
    """The rows as the browser's export has them."""
    log = web.log
    epoch = int(first_day.timestamp()) * 1_000_000
    nobody = web.anonymous
    known = roll.known(log.person, log.ts) & ~nobody
    ids = pa.array(10_000_000 + web.number).cast(pa.string())
    instant = pa.timestamp("us", tz="UTC")
    columns = {
        "event_id": pc.binary_join_element_wise(pa.scalar("w"), ids, "-"),
        "event": _coded(log.event, list(CODE)),
        "user_id": _names(roll.user_ids, log.person, known),
        "anonymous_id": _names(roll.anonymous_ids, log.person, ~nobody),
        "ts": pa.array(log.ts + epoch).cast(instant),
        "received_at": pa.array(web.received + epoch).cast(instant),
        "context": _context(log, roll),
        "props": _properties(log, items),
    }
    return pa.table(columns)


def touch_table(log: Log, roll: Roll, *, first_number: int, first_day: datetime) -> pa.Table:
    """What e-mail tool and ad server saw; both know people by the shop's ids."""
    epoch = int(first_day.timestamp()) * 1_000_000
    known = roll.known(log.person, log.ts)
    ids = pa.array(10_000_000 + first_number + np.arange(len(log))).cast(pa.string())
    ad = log.event == CODE["ad_impression"]
    columns = {
        "event_id": pc.binary_join_element_wise(pa.scalar("t"), ids, "-"),
        "event": _coded(log.event, list(CODE)),
        "user_id": _names(roll.user_ids, log.person, known),
        "anonymous_id": _names(roll.anonymous_ids, log.person, ~known),
        "ts": pa.array(log.ts + epoch).cast(pa.timestamp("us", tz="UTC")),
        "campaign": _coded(
            np.where(ad, log.detail // len(PLATFORMS), -1), [c.id for c in CAMPAIGNS]
        ),
        "platform": _coded(np.where(ad, log.detail % len(PLATFORMS), -1), PLATFORMS),
        "issue": pa.array(log.detail, mask=ad),
    }
    return pa.table(columns)


def _names(ids: pa.StringArray, person: Ints, named: npt.NDArray[np.bool_]) -> pa.Array:
    """Ids of these people, missing where the row does not name them."""
    return ids.take(pa.array(person, mask=~named))


def _context(log: Log, roll: Roll) -> pa.StructArray:
    return _struct(
        {
            "device": _coded(roll.device[log.person], DEVICES),
            "country": _coded(roll.country[log.person], COUNTRIES),
            "network": _coded(roll.staff[log.person].astype(np.int64), ("public", "office")),
        }
    )


def _properties(log: Log, items: Items) -> pa.StructArray:
    page, opened = log.event == CODE["page_view"], log.event == CODE["session_start"]
    ad = log.event == CODE["ad_click"]
    read = np.isin(
        log.event, [CODE["article_read"], CODE["video_play"], CODE["whitepaper_download"]]
    )
    title = np.where(read, log.detail, -1)
    topics = [" > ".join(category) for category in CATEGORIES]
    platform = np.where(ad, log.detail % len(PLATFORMS), -1)
    cart = log.event == CODE["add_to_cart"]
    price = np.where(cart, np.append(items.price, [0.0] * OLD_ITEMS)[log.item], np.nan)
    return _struct(
        {
            "path": _coded(np.where(page, log.detail, -1), PATHS),
            "item_id": _coded(log.item, [*items.ids, *old_item_ids()]),
            "price": _numbers(price),
            "content_id": _coded(title, _content_ids()),
            "content_type": _coded(title // (len(CATEGORIES) * TITLES_PER_CATEGORY), KINDS),
            "topic": _coded(
                np.where(read, title // TITLES_PER_CATEGORY % len(CATEGORIES), -1), topics
            ),
            "percent": _numbers(np.where(log.event == CODE["video_play"], log.number, np.nan)),
            "seconds": _numbers(np.where(log.event == CODE["article_read"], log.number, np.nan)),
            "platform": _coded(platform, PLATFORMS),
            "campaign": _coded(
                np.where(ad, log.detail // len(PLATFORMS), -1), [c.id for c in CAMPAIGNS]
            ),
            "gclid": _click_ids(log, platform == PLATFORMS.index("google"), "Cj0KC"),
            "fbclid": _click_ids(log, platform == PLATFORMS.index("meta"), "IwAR"),
            "user_agent": _coded(np.where(opened, log.detail, -1), [*AGENTS, *BOT_AGENTS]),
        }
    )


def old_item_ids() -> list[str]:
    """Ids that occur in the log but not in the catalogue."""
    return [f"sku-old-{number}" for number in range(OLD_ITEMS)]


def _content_ids() -> list[str]:
    return [
        f"{kind}-{category}-{number}".lower()
        for kind in KINDS
        for _, category in CATEGORIES
        for number in range(TITLES_PER_CATEGORY)
    ]


def _click_ids(log: Log, mask: npt.NDArray[np.bool_], prefix: str) -> pa.Array:
    # A click id only has to be unique and opaque; person and instant make it both.
    opaque = (log.ts * 2_654_435_761 + log.person * 40_503) % (1 << 62)
    found = np.flatnonzero(mask)
    texts = np.full(len(mask), None, dtype=object)
    texts[found] = [f"{prefix}{int(value):x}" for value in opaque[found]]
    return pa.array(texts, type=pa.string())


def _coded(codes: npt.NDArray[np.integer], values: Any) -> pa.DictionaryArray:
    """Texts by code; codes below 0 are missing."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(values), type=pa.string()))


def _numbers(values: npt.NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _struct(columns: dict[str, pa.Array]) -> pa.StructArray:
    plain = [
        column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
        for column in columns.values()
    ]
    return pa.StructArray.from_arrays(plain, names=list(columns))


def instant_of(first_day: datetime, micros: int) -> str:
    """ISO text in UTC with milliseconds, as back ends log it."""
    moment = first_day.astimezone(UTC) + timedelta(microseconds=micros)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
