"""The browser's events as monthly Parquet files with nested properties, as exports leave them."""

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
from fewer.data.simulate.log import CODE, DAY, Ints, Log
from fewer.data.simulate.people import Roll

OLD_ITEMS = 40  # items that left the catalogue but still occur in the log


@dataclass(frozen=True, slots=True)
class Web:
    """Rows of the web log in the order in which they were received."""

    log: Log
    received: Ints  # microseconds from the first midnight
    anonymous: npt.NDArray[np.bool_]  # rows that name nobody
    number: Ints  # of the event; a repeated delivery repeats it


def write_web(
    folder: Path, web: Web, roll: Roll, items: Items, *, first_day: datetime
) -> dict[str, int]:
    """Write one file per month of receipt; returns rows per file name."""
    epoch = int(first_day.timestamp()) * 1_000_000
    month = (np.datetime64(first_day.date()) + web.received // DAY).astype("datetime64[M]")
    rows: dict[str, int] = {}
    for value in np.unique(month):
        part = np.flatnonzero(month == value)
        name = f"simulated-web-{value}.parquet"
        table = _table(web, part, roll, items, epoch=epoch)
        pq.write_table(table, folder / name, compression="zstd", store_schema=False)
        rows[name] = len(part)
    return rows


def _table(web: Web, part: Ints, roll: Roll, items: Items, *, epoch: int) -> pa.Table:
    log = web.log.take(part)
    nobody = web.anonymous[part]
    known = roll.known(log.person, log.ts) & ~nobody
    ids = pa.array(10_000_000 + web.number[part]).cast(pa.string())
    instant = pa.timestamp("us", tz="UTC")
    columns = {
        "event_id": pc.binary_join_element_wise(pa.scalar("w"), ids, "-"),
        "event": _coded(log.event, list(CODE)),
        "user_id": _coded(np.where(known, log.person, -1), roll.user_ids),
        "anonymous_id": _coded(np.where(nobody, -1, log.person), roll.anonymous_ids),
        "ts": pa.array(log.ts + epoch).cast(instant),
        "received_at": pa.array(web.received[part] + epoch).cast(instant),
        "context": _context(log, roll),
        "props": _properties(log, items),
    }
    return pa.table(columns)


def _context(log: Log, roll: Roll) -> pa.StructArray:
    return _struct(
        {
            "device": _coded(roll.device[log.person], DEVICES),
            "country": _coded(roll.country[log.person], COUNTRIES),
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


def _coded(codes: Ints, values: Any) -> pa.DictionaryArray:
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
