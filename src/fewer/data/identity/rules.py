"""How each platform wants identifiers written before they are hashed, and where that is said.

Differences between platforms are data here; `normalise` is the only reader. Where a vendor's
own library contradicts its documentation, the documentation is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVERY_DOMAIN: Final = "*"
GMAIL: Final = ("gmail.com", "googlemail.com")


@dataclass(frozen=True, slots=True)
class Rules:
    """What one platform does beyond the common ground (trimmed, lower case, UTF-8).

    `fold_dots` and `fold_tags` name the domains whose local part loses its dots, and
    everything from ``+`` on; ``*`` is every domain.
    """

    source: str  # address and date read
    inner_spaces: bool = False  # remove white space inside e-mail addresses
    fold_dots: tuple[str, ...] = ()
    fold_tags: tuple[str, ...] = ()
    letters_and_digits: bool = False  # the local part keeps nothing else
    phone_plus: bool = True  # E.164 with its '+'; otherwise digits only
    hashes_device_ids: bool = True
    keeps_punctuation: bool = False  # in names
    encoding: str = "hex"  # of the digest: "hex" or "base64"


PLATFORMS: Final[dict[str, Rules]] = {
    "plain": Rules(source="the common ground of all platforms below"),
    "meta": Rules(
        source="https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/"
        "customer-information-parameters (2026-11)",
        phone_plus=False,
        hashes_device_ids=False,
    ),
    "google": Rules(
        source="https://developers.google.com/data-manager/api/get-started/formatting (2026-11)",
        inner_spaces=True,
        fold_dots=GMAIL,
        fold_tags=GMAIL,
        keeps_punctuation=True,
    ),
    "tiktok": Rules(
        source="https://ads.tiktok.com/help/preview?content_id=5gcDeV2ckkwNVh1BedxvSJ (2026-11)",
        inner_spaces=True,
    ),
    "linkedin": Rules(
        source="https://learn.microsoft.com/en-us/linkedin/marketing/matched-audiences/"
        "create-and-manage-segment-users (2026-11)",
    ),
    "pinterest": Rules(source="https://github.com/pinterest/api-description v5 (2026-11)"),
    "snap": Rules(
        source="https://developers.snap.com/api/marketing-api/Conversions-API/BestPractices"
        " (2026-11)",
        phone_plus=False,
    ),
    "microsoft": Rules(
        source="https://learn.microsoft.com/en-us/advertising/bulk-service/customer-list-item"
        " (2026-11)",
    ),
    "x": Rules(
        source="https://developer.x.com/en/docs/x-ads-api/audiences/overview/user-data (2026-11)",
    ),
    "reddit": Rules(
        source="Reddit Ads, manual advanced matching (mirror read 2026-11)",
        fold_tags=(EVERY_DOMAIN,),
        letters_and_digits=True,
    ),
    "uid2": Rules(
        source="https://github.com/IABTechLab/uid2docs docs/getting-started/"
        "gs-normalization-encoding.md (2026-11)",
        fold_dots=("gmail.com",),
        fold_tags=("gmail.com",),
        encoding="base64",
    ),
}
"""Rules by platform; ``plain`` for a file that no platform in particular will read."""

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

STATES: Final = {
    "alabama": "al", "alaska": "ak", "arizona": "az", "arkansas": "ar", "california": "ca",
    "colorado": "co", "connecticut": "ct", "delaware": "de", "districtofcolumbia": "dc",
    "florida": "fl", "georgia": "ga", "hawaii": "hi", "idaho": "id", "illinois": "il",
    "indiana": "in", "iowa": "ia", "kansas": "ks", "kentucky": "ky", "louisiana": "la",
    "maine": "me", "maryland": "md", "massachusetts": "ma", "michigan": "mi", "minnesota": "mn",
    "mississippi": "ms", "missouri": "mo", "montana": "mt", "nebraska": "ne", "nevada": "nv",
    "newhampshire": "nh", "newjersey": "nj", "newmexico": "nm", "newyork": "ny",
    "northcarolina": "nc", "northdakota": "nd", "ohio": "oh", "oklahoma": "ok", "oregon": "or",
    "pennsylvania": "pa", "puertorico": "pr", "rhodeisland": "ri", "southcarolina": "sc",
    "southdakota": "sd", "tennessee": "tn", "texas": "tx", "utah": "ut", "vermont": "vt",
    "virginia": "va", "washington": "wa", "westvirginia": "wv", "wisconsin": "wi",
    "wyoming": "wy",
}  # fmt: skip
"""States of the USA, letters only, and their ANSI abbreviations."""
