"""Visits of one day: who comes, and what they look at while they are there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewer.data.simulate.catalogue import (
    AGENTS,
    CATEGORIES,
    CATEGORY_OF_LEAF,
    ITEMS_PER_LEAF,
    KINDS,
    LEAVES,
    PLAIN_PATHS,
    PLATFORMS,
    PRICING,
    TITLES_PER_CATEGORY,
)
from fewer.data.simulate.log import CODE, DAY, Floats, Ints, Log, concat, events
from fewer.data.simulate.world import Intent, World

SECOND = 1_000_000
LATEST_START = 82_800  # seconds: visits begin early enough to end on the same UTC day
UTC_OFFSET = np.array([-5, -5, 0, 1, 1])  # hours, by country
LEAVE = (0.50, 0.22)  # chance to leave after each further event: without intent, with all of it
STEPS_PER_VISIT = 2.45  # about
AD_SHARE = 0.07  # visits that come from an ad
CART_FROM = 6  # first listing page in PATHS

STEPS = (
    "page_view",
    "pricing",
    "product_view",
    "article_read",
    "video_play",
    "whitepaper_download",
    "form_submit",
    "add_to_cart",
)


def sessions_for(events_wanted: float) -> float:
    """How many visits make about so many events."""
    return max(1.0, events_wanted / (2 + STEPS_PER_VISIT + AD_SHARE))


def browse(
    rng: np.random.Generator,
    world: World,
    intent: Intent,
    *,
    visits_per_rate: float,
    confounding: float = 1.0,
) -> Log:
    """One day's visits, spread over people by their rate of visits."""
    rate = np.cumsum(intent.visits(), dtype=np.float64)
    sessions = int(rng.poisson(visits_per_rate * rate[-1]))
    person = np.searchsorted(rate, np.sort(rng.random(sessions)) * rate[-1], side="right")
    person = np.minimum(person, world.people - 1)
    start = intent.day * DAY + start_of_visit(rng, world.country[person])
    z = intent.level[person] * np.float32(confounding)
    z = z / (1 + z)

    steps = rng.geometric(LEAVE[0] + (LEAVE[1] - LEAVE[0]) * z)
    session = np.repeat(np.arange(sessions), steps + 1)
    first = np.cumsum(steps + 1) - (steps + 1)
    ts = start[session] + _elapsed(rng, session, first)
    step = _choose(rng, world, person[session], z[session])
    step[first] = 0  # a visit lands on a page
    looks = _looks(rng, world, person[session], ts, step, session)
    opened = events("session_start", person, start, detail=agent_of(world, person))
    return concat([opened, looks, _ad_clicks(rng, world, person, start)])


def agent_of(world: World, person: Ints) -> Ints:
    """The user agent that each person's device sends, always the same."""
    device = world.device[person].astype(np.int64)
    android_or_mac = (person * 2_654_435_761 >> 7) & 1 == 1
    agent: Ints = np.where(android_or_mac & (device < 2), device + 3, device) % len(AGENTS)
    return agent


def start_of_visit(rng: np.random.Generator, country: npt.NDArray[np.int8]) -> Ints:
    """Microseconds after UTC midnight: people are awake at noon and in the evening, locally."""
    evening = rng.random(len(country)) < 0.55
    hour = np.where(evening, 20.0, 12.5) + rng.normal(0, 2.2, len(country))
    seconds = ((hour - UTC_OFFSET[country]) * 3600) % 86_400
    late = seconds > LATEST_START
    seconds[late] = rng.random(int(late.sum())) * LATEST_START
    start: Ints = (seconds * SECOND).astype(np.int64)
    return start


def pick_items(rng: np.random.Generator, leaf: npt.NDArray[np.int8]) -> Ints:
    """An item for each favourite category: usually of it, popular ones more often."""
    size = len(leaf)
    stray = rng.random(size) > 0.72
    chosen = np.where(stray, rng.integers(0, len(LEAVES), size), leaf)
    rank: Ints = (ITEMS_PER_LEAF * rng.random(size) ** 1.6).astype(np.int64)
    item: Ints = chosen * ITEMS_PER_LEAF + rank
    return item


def _elapsed(rng: np.random.Generator, session: Ints, first: Ints) -> Ints:
    gap = (rng.exponential(45.0, len(session)) * SECOND).astype(np.int64) + SECOND
    run = np.cumsum(gap)
    since: Ints = np.minimum(run - run[first][session] + SECOND, 3000 * SECOND)
    return since


def _choose(
    rng: np.random.Generator, world: World, person: Ints, z: npt.NDArray[np.float32]
) -> Ints:
    taste = world.taste[person]
    weight = np.empty((len(person), len(STEPS)), dtype=np.float32)
    weight[:, 0] = 0.30
    weight[:, 1] = 0.006 + 1.2 * z
    weight[:, 2] = 0.26 + 0.16 * z
    weight[:, 3:6] = taste * np.array([0.22, 0.22, 0.09], dtype=np.float32)
    weight[:, 6] = 0.006
    weight[:, 7] = 0.006 + 0.08 * z
    np.cumsum(weight, axis=1, out=weight)
    point = rng.random(len(person), dtype=np.float32)[:, None] * weight[:, -1:]
    step: Ints = np.minimum((point > weight).sum(axis=1), len(STEPS) - 1).astype(np.int64)
    return step


def _looks(
    rng: np.random.Generator, world: World, person: Ints, ts: Ints, step: Ints, session: Ints
) -> Log:
    view, cart = STEPS.index("product_view"), STEPS.index("add_to_cart")
    item = np.full(len(step), -1, dtype=np.int64)
    viewed = step == view
    item[viewed] = pick_items(rng, world.leaf[person[viewed]])
    seen = np.maximum.accumulate(np.where(viewed, np.arange(len(step)), -1))
    same_visit = (seen >= 0) & (session[np.maximum(seen, 0)] == session)
    carts = step == cart
    item[carts & same_visit] = item[seen[carts & same_visit]]
    hasty = carts & ~same_visit  # nobody puts into the cart what they have not seen
    item[hasty] = pick_items(rng, world.leaf[person[hasty]])
    step = np.where(hasty, view, step)

    detail, number = _details(rng, world, person, step)
    code = np.array([CODE["page_view" if name == "pricing" else name] for name in STEPS])
    return events(code[step], person, ts, item=item, detail=detail, number=number)


def _details(
    rng: np.random.Generator, world: World, person: Ints, step: Ints
) -> tuple[Ints, Floats]:
    size = len(step)
    detail = np.full(size, -1, dtype=np.int64)
    number = np.full(size, np.nan)
    topic = CATEGORY_OF_LEAF[world.leaf[person]]
    wanders = rng.random(size) < 0.4
    topic = np.where(wanders, rng.integers(0, len(CATEGORIES), size), topic)

    page = step == STEPS.index("page_view")
    listing = rng.random(size) < 0.45
    detail[page] = np.where(listing, CART_FROM + topic, rng.integers(0, PLAIN_PATHS, size))[page]
    pricing = step == STEPS.index("pricing")
    detail[pricing] = rng.choice(PRICING, int(pricing.sum()), p=[0.8, 0.2])
    for kind in range(len(KINDS)):
        read = step == STEPS.index("article_read") + kind
        title = rng.integers(0, TITLES_PER_CATEGORY, int(read.sum()))
        detail[read] = (kind * len(CATEGORIES) + topic[read]) * TITLES_PER_CATEGORY + title
    articles = step == STEPS.index("article_read")
    number[articles] = np.round(rng.gamma(2.0, 55.0, int(articles.sum())))
    videos = step == STEPS.index("video_play")
    number[videos] = rng.choice([25, 50, 75, 100], int(videos.sum()), p=[0.4, 0.25, 0.15, 0.2])
    forms = step == STEPS.index("form_submit")
    detail[forms] = rng.integers(0, 3, int(forms.sum()))  # every form but the account's
    return detail, number


def _ad_clicks(rng: np.random.Generator, world: World, person: Ints, start: Ints) -> Log:
    came = np.flatnonzero(rng.random(len(person)) < AD_SHARE)
    who = person[came]
    home = {"Kitchen": 1, "Running": 2, "Audio": 3}  # campaign for a favourite category
    interest = np.array([home.get(category, 0) for _, category, _ in LEAVES])
    drawn = rng.random(len(came))
    campaign = np.where(drawn < 0.45, interest[world.leaf[who]], 0)
    campaign = np.where(drawn > 0.85, 4, campaign)
    platform = rng.integers(0, len(PLATFORMS), len(came))
    detail = campaign * len(PLATFORMS) + platform
    ts = start[came] - (rng.integers(1, 4, len(came)) * SECOND)
    return events("ad_click", who, np.maximum(ts, 0), detail=detail)
