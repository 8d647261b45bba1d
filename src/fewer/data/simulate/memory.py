"""What everyone did of late: all that a day of the shop needs to know of the days before it.

A few bytes a person, however long the simulation: the last day of each kind of behaviour, the
interactions of the last week, the item left in the cart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from fewer.data.simulate.catalogue import (
    CATEGORIES,
    CATEGORY_OF_LEAF,
    ITEMS_PER_LEAF,
    PRICING,
    TITLES_PER_CATEGORY,
)
from fewer.data.simulate.log import CODE, INTERACTIONS, Ints, Log

LONG_AGO: Final = -1_000
WEEK: Final = 7
_LEAF_NAMES: Final = tuple(category for _, category in CATEGORIES)
KINDS: Final = (
    "pricing",
    "cart",
    "form",
    "blog",
    "video",
    "whitepaper",
    "view",
    "content",
    "interaction",
    "purchase",
    "email_click",
    *(f"view:{name}" for name in _LEAF_NAMES),
    *(f"content:{name}" for name in _LEAF_NAMES),
)
_AT: Final = {name: number for number, name in enumerate(KINDS)}
_EVENT_KINDS: Final = {
    "add_to_cart": ("cart",),
    "form_submit": ("form",),
    "article_read": ("blog", "content", "interaction"),
    "video_play": ("video", "content", "interaction"),
    "whitepaper_download": ("whitepaper", "content", "interaction"),
    "product_view": ("view", "interaction"),
    "purchase": ("purchase",),
    "email_click": ("email_click",),
}

Bools = npt.NDArray[np.bool_]


class Memory:
    """The recent past of `people`, updated at the end of each day."""

    def __init__(self, people: int) -> None:
        self._last = np.full((len(KINDS), people), LONG_AGO, dtype=np.int16)
        self._looks = np.zeros((WEEK, people), dtype=np.uint8)
        self.cart_ts: Ints = np.full(people, -1, dtype=np.int64)
        self.cart_item = np.full(people, -1, dtype=np.int16)

    @property
    def people(self) -> int:
        """How many are remembered."""
        return self._last.shape[1]

    def last(self, kind: str) -> npt.NDArray[np.int16]:
        """The last day of that kind, by person; `LONG_AGO` when there was none."""
        last: npt.NDArray[np.int16] = self._last[_AT[kind]]
        return last

    def within(self, kind: str, day: int, window: int) -> Bools:
        """Who did it in the `window` days before the midnight that starts `day`."""
        recent: Bools = self._last[_AT[kind]] >= day - window
        return recent

    def ever(self, kind: str) -> Bools:
        """Who did it at all."""
        ever: Bools = self._last[_AT[kind]] > LONG_AGO
        return ever

    def interactions(self) -> Ints:
        """Interactions of each person in the seven days before this midnight."""
        looks: Ints = self._looks.sum(axis=0, dtype=np.int64)
        return looks

    def note(self, day: int, log: Log) -> None:
        """Remember a day's events of people."""
        code = log.event
        for event, kinds in _EVENT_KINDS.items():
            who = log.person[code == CODE[event]]
            for kind in kinds:
                self._last[_AT[kind], who] = day
        pricing = (code == CODE["page_view"]) & np.isin(log.detail, PRICING)
        self._last[_AT["pricing"], log.person[pricing]] = day
        views = code == CODE["product_view"]
        category = CATEGORY_OF_LEAF[log.item[views] // ITEMS_PER_LEAF]
        self._last[_AT[f"view:{_LEAF_NAMES[0]}"] + category, log.person[views]] = day
        content = (code >= CODE["article_read"]) & (code <= CODE["whitepaper_download"])
        topic = log.detail[content] // TITLES_PER_CATEGORY % len(CATEGORIES)
        self._last[_AT[f"content:{_LEAF_NAMES[0]}"] + topic, log.person[content]] = day
        looks = np.isin(code, [CODE[name] for name in INTERACTIONS])
        count = np.bincount(log.person[looks], minlength=self.people)
        self._looks[day % WEEK] = np.minimum(count, 255)
        self._remember_carts(log)

    def _remember_carts(self, log: Log) -> None:
        carts = log.only("add_to_cart")
        order = np.argsort(carts.ts, kind="stable")  # the last of the day wins
        self.cart_ts[carts.person[order]] = carts.ts[order]
        self.cart_item[carts.person[order]] = carts.item[order]
