"""Who is who: identities that belong to one person, and which of them stands for the person.

An identity has a number for good; a merge is a mapping beside the events, so their history is
re-attributed without being rewritten, and can be taken apart again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping


def merged(
    known: Mapping[int, int],
    pairs: Iterable[tuple[int, int]],
    rank: Callable[[int], tuple[int, int]],
) -> dict[int, int]:
    """Identity -> the one that stands for its person, for all that don't stand for themselves.

    Args:
        known: The same before the new pairs.
        pairs: Identities of which each two are one person.
        rank: What orders the identities of a person; the smallest stands for it.

    >>> merged({2: 1}, [(3, 2), (7, 8)], lambda identity: (0, identity))
    {2: 1, 3: 1, 8: 7}
    """
    above = dict(known)

    def top(identity: int) -> int:
        path = []
        while identity in above:
            path.append(identity)
            identity = above[identity]
        above.update(dict.fromkeys(path, identity))
        return identity

    for one, other in pairs:
        first, second = sorted((top(one), top(other)), key=rank)
        if first != second:
            above[second] = first
    return {identity: top(identity) for identity in sorted(above)}


def split(known: Mapping[int, int], identities: Iterable[int]) -> dict[int, int]:
    """The mapping without what was merged into these identities, and without them.

    >>> split({2: 1, 3: 1, 5: 4}, [1]), split({2: 1, 3: 1}, [3])
    ({5: 4}, {2: 1})
    """
    apart = set(identities)
    return {i: to for i, to in known.items() if i not in apart and to not in apart}
