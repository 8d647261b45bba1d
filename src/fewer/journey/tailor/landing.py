"""Landing addresses: https only, with UTM parameters that reports can be joined on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

_FIXED_START: Final = re.compile(r"^https://[A-Za-z0-9.-]+(:\d+)?(/|\?|$)")
_ODD: Final = re.compile(r"[^a-z0-9_.~-]+")


def has_fixed_host(template: str) -> bool:
    """Whether the address begins with https and a host that no value can change.

    >>> has_fixed_host("https://shop.example.com/{{ last.item_id }}"), has_fixed_host("{{ x }}")
    (True, False)
    """
    return bool(_FIXED_START.match(template))


def utm_value(text: str) -> str:
    """Lower case, without spaces or signs that reports split on.

    >>> utm_value("Spring Sale / 2026")
    'spring-sale-2026'
    """
    return _ODD.sub("-", text.lower()).strip("-")


def with_utm(url: str, utm: Mapping[str, str]) -> str:
    """Add the parameters; those that the address has already stay as they are.

    >>> with_utm("https://example.com/a?b=1#top", {"source": "meta"})
    'https://example.com/a?b=1&utm_source=meta#top'
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    there = {key for key, _ in query}
    added = [(f"utm_{key}", value) for key, value in utm.items() if f"utm_{key}" not in there]
    text = urlencode(query + added, quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, text, parts.fragment))
