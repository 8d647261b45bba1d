"""Names that say a window follow when the window is changed."""

from __future__ import annotations

from fewer.model.condition import walk
from fewer.model.segment import Segment
from fewer.model.window import Duration


def renamed(before: Segment, after: Segment) -> Segment:
    """`after`, its name and description saying its windows where they said those of `before`.

    >>> old = Segment(id="a", name="Came in the last 7 days", where={"did": "v", "within": "7d"})
    >>> new = Segment(id="a", name=old.name, where={"did": "v", "within": "45d"})
    >>> renamed(old, new).name
    'Came in the last 45 days'
    """
    update: dict[str, str] = {}
    for old, new in zip(walk(before.where), walk(after.where), strict=False):
        first, second = getattr(old, "within", None), getattr(new, "within", None)
        if not isinstance(first, Duration) or not isinstance(second, Duration) or first == second:
            continue
        for key in ("name", "description"):
            text = update.get(key, getattr(before, key))
            if text and text.count(first.words) == 1:
                update[key] = text.replace(first.words, second.words)
    return after.model_copy(update=update) if update else after
