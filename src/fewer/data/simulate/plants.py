"""Segments planted in the shop: conjunctions whose members buy more often than their intent says.

Each is a rule of the segment language, so that a tool can be asked for it by name or for its
discovery, and a multiplier of the hazard of a purchase on days that begin with the person inside.
Some fade: from the launch on, most of their excess is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fewer.data.simulate.catalogue import CATEGORIES
from fewer.data.simulate.memory import Memory
from fewer.data.simulate.parameters import Parameters
from fewer.data.simulate.world import Bools, Floats

FADED: Final = 0.6  # share of the excess that a fading segment loses
_EVENT: Final = {
    "blog": "article_read",
    "video": "video_play",
    "whitepaper": "whitepaper_download",
    "form": "form_submit",
    "cart": "add_to_cart",
}
_CONTENT: Final = ["article_read", "video_play", "whitepaper_download"]
_PATH: Final = {category: f"{department} > {category}" for department, category in CATEGORIES}


@dataclass(frozen=True, slots=True)
class Plant:
    """A conjunction of (behaviour, days) of those who never bought, and what goes with it."""

    id: str
    terms: tuple[tuple[str, int], ...]
    multiplier: float
    fades: bool = False

    def excess(self, parameters: Parameters, day: int) -> float:
        """Multiplier of the hazard on that day."""
        left = 1 - FADED if self.fades and day >= parameters.launch else 1.0
        return 1 + (self.multiplier - 1) * parameters.segment_multiplier * left

    def members(self, memory: Memory, day: int) -> Bools:
        """Who fits at the midnight that starts `day`."""
        inside = ~memory.ever("purchase")
        for kind, window in self.terms:
            inside &= memory.within(kind, day, window)
        return inside

    @property
    def where(self) -> dict[str, Any]:
        """The rule in the segment language."""
        rules = [_condition(kind, window) for kind, window in self.terms]
        return {"all": [*rules, {"did_not": "purchase"}]}


PLANTS: Final = (
    Plant("kitchen_video", (("view:Kitchen", 30), ("video", 14)), 3.0),
    Plant("running_readers", (("view:Running", 30), ("content:Running", 30)), 2.5),
    Plant("audio_whitepaper", (("view:Audio", 30), ("whitepaper", 30)), 4.0),
    Plant("garden_cart", (("view:Garden", 14), ("cart", 14)), 2.5, fades=True),
    Plant("cycling_form", (("view:Cycling", 30), ("form", 30)), 3.5),
    Plant("shoes_blog_video", (("view:Shoes", 30), ("blog", 14), ("video", 14)), 3.5, fades=True),
    Plant("computing_compared", (("view:Computing", 30), ("content:Computing", 30)), 3.0),
    Plant("bags_and_bedding", (("view:Bags", 30), ("view:Bedding", 30)), 3.0, fades=True),
)


def multipliers(memory: Memory, parameters: Parameters, day: int) -> Floats:
    """What the planted segments do to the hazard of each person on `day`."""
    factor = np.ones(memory.people, dtype=np.float32)
    for plant in PLANTS:
        factor[plant.members(memory, day)] *= np.float32(plant.excess(parameters, day))
    return factor


def _condition(kind: str, window: int) -> dict[str, Any]:
    within = f"{window}d"
    what, _, topic = kind.partition(":")
    if what == "view":
        return {
            "did": "product_view",
            "where": {"item.category": {"under": _PATH[topic]}},
            "within": within,
        }
    if what == "content":
        return {"did": _CONTENT, "where": {"topic": {"under": _PATH[topic]}}, "within": within}
    return {"did": _EVENT[what], "within": within}
