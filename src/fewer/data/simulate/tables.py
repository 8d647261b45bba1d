"""The shop's small tables as CSV: the catalogue, and the daily reports of the ad platforms."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fewer.data.simulate.advertising import Reports
from fewer.data.simulate.arm_reports import AD_ARMS, ArmReports
from fewer.data.simulate.catalogue import BRANDS, CAMPAIGNS, LEAVES, PLATFORMS, Items

_HEAD = (
    "day", "platform", "account", "campaign", "ad_set", "segment", "arm", "currency",
    "impressions", "clicks", "spend", "conversions", "value",
)  # fmt: skip


def write_items(out: Path, items: Items) -> dict[str, int]:
    """The catalogue; returns rows by file name."""
    head = ["item_id", "name", "category_path", "brand", "price", "currency"]
    rows = (
        [
            item_id,
            items.names[i],
            "/".join(LEAVES[items.leaf[i]]),
            BRANDS[items.brand[i]],
            f"{items.price[i]:.2f}",
            "USD",
        ]
        for i, item_id in enumerate(items.ids)
    )
    return _write(out / "simulated-items.csv", head, rows)


def write_reports(out: Path, table: Reports, first_day: datetime) -> dict[str, int]:
    """Reports of the campaigns."""
    rows = []
    for row in range(len(table.day)):
        campaign = CAMPAIGNS[table.campaign[row]]
        rows.append(_row(table, row, first_day, campaign.id, campaign.id, campaign.segment, ""))
    return _write(out / "simulated-ad-reports.csv", _HEAD, rows)


def write_arm_reports(out: Path, table: ArmReports, first_day: datetime) -> dict[str, int]:
    """Reports of the randomised arms: the comparison stands where a segment's name stands."""
    rows = []
    for row in range(len(table.day)):
        arm = AD_ARMS[table.arm[row]]
        campaign, ad_set = f"arms_{arm.experiment}", f"{arm.experiment}_{arm.arm}"
        rows.append(_row(table, row, first_day, campaign, ad_set, arm.experiment, arm.arm))
    return _write(out / "simulated-ad-arms.csv", _HEAD, rows)


def _row(
    table: Reports | ArmReports,
    row: int,
    first_day: datetime,
    campaign: str,
    ad_set: str,
    *which: str,
) -> list[Any]:
    day = (first_day + timedelta(days=int(table.day[row]))).date()
    platform = PLATFORMS[table.platform[row]]
    names = [platform, f"{platform}-001", campaign, f"{ad_set}_{platform}", *which]
    facts = [table.impressions[row], table.clicks[row], f"{table.spend[row]:.2f}"]
    return [day, *names, "USD", *facts, table.conversions[row], f"{table.value[row]:.2f}"]


def _write(path: Path, head: Iterable[str], rows: Iterable[list[Any]]) -> dict[str, int]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        lines = list(rows)
        writer.writerows(lines)
    return {path.name: len(lines)}
