"""What the simulated shop sells, says and advertises: fixed lists, no chance in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

TREE: dict[str, dict[str, tuple[str, ...]]] = {
    "Home": {
        "Kitchen": ("Mixers", "Cookware", "Coffee Makers", "Knives"),
        "Bedding": ("Duvets", "Pillows", "Linen"),
        "Garden": ("Grills", "Planters", "Tools"),
    },
    "Sport": {
        "Running": ("Road Shoes", "Trail Shoes", "Jackets", "Watches"),
        "Cycling": ("Helmets", "Lights", "Pumps"),
        "Yoga": ("Mats", "Blocks"),
    },
    "Electronics": {
        "Audio": ("Headphones", "Speakers", "Turntables"),
        "Computing": ("Keyboards", "Monitors", "Docks"),
    },
    "Fashion": {
        "Shoes": ("Boots", "Sandals", "Sneakers"),
        "Bags": ("Backpacks", "Totes"),
    },
}
LEAVES: tuple[tuple[str, str, str], ...] = tuple(
    (department, category, leaf)
    for department, categories in TREE.items()
    for category, leaves in categories.items()
    for leaf in leaves
)
CATEGORIES = tuple(dict.fromkeys(leaf[:2] for leaf in LEAVES))
CATEGORY_OF_LEAF = np.array([CATEGORIES.index(leaf[:2]) for leaf in LEAVES])
ITEMS_PER_LEAF = 14
BRANDS = ("Arden", "Bluefin", "Corvo", "Dalla", "Estrel", "Fjord", "Gable", "Hexa")

PATHS = (
    "/",
    "/about",
    "/stores",
    "/support",
    "/support/returns",
    "/blog",
    *(f"/c/{department}/{category}".lower() for department, category in CATEGORIES),
    "/pricing",
    "/pricing/compare",
)
PRICING = tuple(i for i, path in enumerate(PATHS) if path.startswith("/pricing"))
PLAIN_PATHS = len(PATHS) - len(PRICING)

KINDS = ("blog", "video", "whitepaper")
TITLES_PER_CATEGORY = 4
FORMS = ("newsletter", "contact", "quote_request", "account_created")
ACCOUNT_CREATED = FORMS.index("account_created")

DEVICES = ("mobile", "desktop", "tablet")
COUNTRIES = ("US", "CA", "GB", "DE", "FR")
CURRENCIES = ("USD", "USD", "GBP", "EUR", "EUR")  # by country
PLANS = ("free", "plus", "pro")
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/148.0 Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 19_2 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 Chrome/148.0 Mobile",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_3) AppleWebKit/605.1.15 Safari/605.1.15",
)
BOT_AGENTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.32.5",
    "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 HeadlessChrome/148.0 Safari/537.36",
)
PLATFORMS = ("meta", "google")


@dataclass(frozen=True, slots=True)
class Campaign:
    """An advertising campaign and what is planted in its reports.

    `ctr` and `cpc` are ratios to the broad campaign of the same platform and day.
    """

    id: str
    segment: str  # id of the segment it targets, or "broad"
    daily_impressions: int
    ctr: float = 1.0
    cpc: float = 1.0


CAMPAIGNS = (
    Campaign("prospecting_broad", "broad", 60_000),
    Campaign("interest_kitchen", "kitchen_interest", 9_000, ctr=1.20, cpc=0.85),
    Campaign("interest_running", "running_interest", 7_000, ctr=1.20, cpc=0.85),
    Campaign("interest_audio", "audio_interest", 7_000),
    Campaign("content_nurture", "blog_affinity", 8_000),
    Campaign("retarget_pricing", "pricing_hot", 2_500, ctr=1.60, cpc=0.95),
    Campaign("warm_reminder", "product_warm", 4_000),
    Campaign("winback", "lapsing_buyers", 2_000, ctr=1.30),
)
PRICING_CAMPAIGN, WARM_CAMPAIGN, WINBACK_CAMPAIGN = 5, 6, 7  # these run from the launch on


@dataclass(frozen=True, slots=True)
class Items:
    """The catalogue, one entry per item."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    leaf: npt.NDArray[np.int64]
    brand: npt.NDArray[np.int64]
    price: npt.NDArray[np.float64]  # in the shop's main currency, two decimals


def catalogue(rng: np.random.Generator) -> Items:
    """Every item of every leaf, with a brand and a price."""
    slots = list(product(range(len(LEAVES)), range(ITEMS_PER_LEAF)))
    size = len(slots)
    brand = rng.integers(0, len(BRANDS), size)
    level = rng.lognormal(3.6, 0.5, len(LEAVES))
    leaf = np.array([slot[0] for slot in slots])
    price = np.round(level[leaf] * rng.lognormal(0, 0.35, size), 0) - 0.05
    names = tuple(
        f"{BRANDS[brand[i]]} {LEAVES[leaf_no][2].removesuffix('s')} {number + 1}"
        for i, (leaf_no, number) in enumerate(slots)
    )
    ids = tuple(f"sku-{1000 + i}" for i in range(size))
    return Items(ids, names, leaf, brand, np.maximum(price, 4.95))
