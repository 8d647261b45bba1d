"""A florist small enough to count by hand: files as a shop would have, and who is in which segment.

Thirty people over sixty days around the night of 31 March 2024, when clocks in Berlin go forward.
Sizes are counted here in plain Python, from the same lists that the files are written from.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Berlin")
AS_OF: Final = "2024-04-06"  # a date: its local midnight
MOMENT: Final = datetime(2024, 4, 6, tzinfo=ZONE).astimezone(UTC)
FIRST: Final = datetime(2024, 2, 16, tzinfo=UTC)
DAYS: Final = 60
PEOPLE: Final = tuple(f"f-{n:02}" for n in range(1, 31))
PATHS: Final = ("/", "/pricing", "/pricing/weekly", "/blog/tulips", "/blog/roses", "/visit")
ITEMS: Final = {
    "r1": ("Flowers", "Roses", "Red rose"),
    "r2": ("Flowers", "Roses", "White rose"),
    "t1": ("Flowers", "Tulips", "Tulip <b>& friends</b>"),
    "v1": ("Vases", "Glass", "Tall vase"),
    "c1": ("Cards", "", "Birthday card"),
}
PHONE_DIGITS: Final = "305557"
STAFF: Final = frozenset({"f-03", "f-17"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person did."""

    person: str
    ts: datetime  # UTC
    name: str
    of: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Florist:
    """The world, before it was written to files."""

    events: tuple[Event, ...]
    plans: Mapping[str, str]
    consents: Mapping[str, str]  # yes, no or nothing

    @property
    def everyone(self) -> frozenset[str]:
        """People in the files of people or with an event before the moment."""
        active = {e.person for e in self.events if e.ts < MOMENT}
        return frozenset(active | set(self.plans))


def email(person: str) -> str:
    """A recognisable address."""
    return f"marked.{person}@secret-mail.example"


def phone(person: str) -> str:
    """A recognisable number, as it is written in Berlin."""
    return f"030 5557{int(person[2:]):03}1"


def florist(seed: int = 7) -> Florist:
    """The same thirty people for the same seed; five have no events, two no entry in the CRM."""
    dice = random.Random(seed)
    events: list[Event] = []
    for at, person in enumerate(PEOPLE[:25]):
        for _ in range(dice.randint(4, 26)):
            ts = FIRST + timedelta(seconds=dice.randrange(DAYS * 86_400))
            events.extend(_visit(dice, person, ts, keen=at % 4 == 0))
    events += _edges()
    events.sort(key=lambda e: (e.ts, e.person, e.name))
    known = [p for p in PEOPLE if p not in {"f-08", "f-21"}]
    return Florist(
        events=tuple(events),
        plans={p: "club" if n % 3 == 0 else "guest" for n, p in enumerate(known)},
        consents={p: ("yes", "yes", "no", "")[n % 4] for n, p in enumerate(known)},
    )


def _visit(dice: random.Random, person: str, ts: datetime, *, keen: bool) -> Iterator[Event]:
    yield Event(person, ts, "page_view", {"path": dice.choice(PATHS)})
    if dice.random() < (0.5 if keen else 0.2):
        item = dice.choice(list(ITEMS))
        ts += timedelta(minutes=dice.randint(1, 20))
        yield Event(person, ts, "add_to_cart", {"item_id": item})
        if dice.random() < 0.6:
            ts += timedelta(minutes=dice.randint(1, 1_800))
            value = dice.randrange(500, 9_000) / 100
            yield Event(person, ts, "purchase", {"item_id": item, "value": value})


def _edges() -> Iterator[Event]:
    """Events exactly on the ends of windows, and on both sides of the night of 31 March."""
    for days in (7, 14, 30):
        start = MOMENT - timedelta(days=days)
        yield Event("f-24", start, "page_view", {"path": "/pricing"})
        yield Event("f-25", start - timedelta(microseconds=1), "page_view", {"path": "/pricing"})
    yield Event("f-25", MOMENT, "page_view", {"path": "/pricing"})
    spring = datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)
    yield Event("f-24", spring, "page_view", {"path": "/blog/tulips"})
    yield Event("f-24", spring + timedelta(seconds=1), "page_view", {"path": "/blog/tulips"})
    # Local midnight of seven days before: a day is 23 hours long in between.
    midnight = datetime(2024, 3, 30, tzinfo=ZONE).astimezone(UTC)
    yield Event("f-23", midnight, "newsletter", {"path": "/"})
    yield Event("f-22", midnight - timedelta(microseconds=1), "newsletter", {"path": "/"})
    yield Event("f-20", MOMENT - timedelta(days=1), HOSTILE_EVENT, {"path": HOSTILE_TEXT})


HOSTILE_EVENT: Final = '<script>alert("event")</script>[/b] :heart:'
HOSTILE_TEXT: Final = "<img src=x onerror=alert(1)>&amp;'\""
HOSTILE_NAME: Final = 'Roses <script>alert("name")</script> & [/b] :heart:'

# ---------------------------------------------------------------------------------------- files

SETTINGS: Final = """\
version: 1
name: Florist
about: A florist in Berlin, counted by hand.
data: DATA
timezone: Europe/Berlin
currency: EUR
identity: {phone_region: DE}
sources:
  - id: web
    files: data/web-*.csv
    events:
      event: {column: action}
      person: user
      ts: {column: at, format: epoch_us}
      properties: {path: page, item_id: item, note: note}
  - id: orders
    files: data/orders.jsonl
    events:
      event: purchase
      person: customer.id
      ts: at
      id: order
      properties: {item_id: sku, value: total.amount, currency: total.currency}
  - id: crm
    files: data/people.csv
    people:
      person: user
      traits: {plan: plan}
      consents: {ads: ads}
      contacts: {email: email, phone: phone}
  - id: catalogue
    files: data/items.csv
    items:
      item_id: sku
      attributes: {name: name, category: {path: [department, kind]}}
  - id: staff
    files: data/staff.csv
    lists: {list: staff, person: user}
  - id: ads
    files: data/ads.csv
    ad_reports:
      day: day
      platform: {constant: meta}
      campaign: campaign
      segment: segment
      currency: {constant: EUR}
      impressions: {column: impressions, type: number}
      clicks: {column: clicks, type: number}
      spend: {column: spend, type: number}
      conversions: {column: conversions, type: number}
exclude: [recent_buyers, staff]
consent: {purpose: ads}
"""

SEGMENTS: Final = f"""\
- id: pricing_hot
  name: Saw pricing in the last 7 days
  type: engagement
  where: {{did: page_view, where: {{path: {{starts_with: /pricing}}}}, within: 7d}}
  size: {{min: 1, max: 30}}
  variants: {{lookback: [7d, 14d, 30d]}}

- id: readers
  name: Read the blog on two days of two weeks
  type: content
  where:
    did: page_view
    where: {{path: {{starts_with: /blog}}}}
    within: 14d
    days: {{at_least: 2}}
  size: {{min: 6, max: 9}}

- id: regulars
  name: Bought twice in 30 days, club members
  type: recency_frequency
  where:
    all:
      - {{did: purchase, within: 30d, count: {{at_least: 2}}}}
      - {{trait: plan, equals: club}}
  size: {{min: 1, max: 30}}

- id: roses
  name: {json.dumps(HOSTILE_NAME)}
  type: interest
  where:
    did: [add_to_cart, purchase]
    where: {{item.category: {{under: Flowers > Roses}}}}
    within: 30d
  size: {{min: 12, max: 20}}

- id: quiet
  name: Came before, not lately
  type: lookback
  where:
    all:
      - {{did: page_view, between: {{from: 40d, to: 14d}}}}
      - {{did_not: page_view, within: 10d, lookback: true}}
  size: {{min: 2, max: 3}}
  variants: {{lookback: [7d, 10d]}}

- id: cart_left
  name: Left something in the cart
  type: engagement
  where:
    sequence:
      - {{did: add_to_cart}}
      - {{did_not: purchase, within_next: 1d}}
    same: [item_id]
    within: 21d
  exclude: [roses]

- id: news_days
  name: Clicked the newsletter in seven whole days
  type: engagement
  where: {{did: newsletter, within: 7d, calendar: true}}
  exclude_defaults: false
  size: {{min: 0, max: 30}}

- id: nobody
  name: Nobody
  type: content
  where: {{did: page_view, where: {{path: /nothing}}}}
  size: {{min: 0, max: 5}}

- id: hostile
  name: Hostile values
  type: content
  where: {{did: {json.dumps(HOSTILE_EVENT)}, where: {{path: {json.dumps(HOSTILE_TEXT)}}}}}
  exclude_defaults: false
  size: {{min: 0, max: 5}}

- id: recent_buyers
  name: Bought in the last 3 days
  where: {{did: purchase, within: 3d}}
  exclude_defaults: false

- id: staff
  name: Works here
  where: {{in_list: staff}}
  exclude_defaults: false
"""

GOALS: Final = """\
- id: order
  name: Ordered within a week
  did: purchase
  value: {of: value, currency: EUR}
  outcome_window: 7d
- id: visit
  name: Came back within three days
  did: page_view
  outcome_window: 3d
"""

CREATIVES: Final = """\
- id: cart
  segment: cart_left
  format: meta_feed
  last: {did: add_to_cart}
  headline: "{{ last.item }} is waiting"
  body: Still in your cart <script>alert("creative")</script>
  call_to_action: Order now
  landing_url: https://florist.example/cart?item={{ last.item_id }}
  fallback:
    headline: Your cart is waiting
    body: Still there.
    landing_url: https://florist.example/cart
- id: interest
  type: interest
  format: onsite
  headline: Fresh roses
  body: Just in.
  landing_url: https://florist.example/roses
"""


def write(world: Florist, folder: Path, *, data: str = "real") -> Path:
    """The project's files; the folder again."""
    files: dict[str, str] = {
        "fewer.yaml": SETTINGS.replace("DATA", data),
        "segments/all.yaml": SEGMENTS,
        "goals.yaml": GOALS,
        "creatives/all.yaml": CREATIVES,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    write_data(world, folder / "data")
    return folder


def write_data(world: Florist, folder: Path) -> None:
    """The data files alone."""
    folder.mkdir(exist_ok=True)
    web = [e for e in world.events if e.name != "purchase"]
    for part, events in (("a", web[::2]), ("b", web[1::2])):
        _csv(folder / f"web-{part}.csv", ("user", "at", "action", "page", "item", "note"), (
            (e.person, micros(e.ts), e.name, e.of.get("path", ""), e.of.get("item_id", ""),
             f"write to {email(e.person)}" if e.ts.minute == 0 else "")
            for e in events
        ))  # fmt: skip
    with (folder / "web-b.csv").open("a", encoding="utf-8") as file:
        file.write(
            f"f-01,yesterday,page_view,/,,{email('f-01')}\n,1708100000000000,page_view,/,,\n"
        )
    orders = [e for e in world.events if e.name == "purchase"]
    lines = [
        {
            "order": f"o-{n}",
            "customer": {"id": e.person},
            "at": e.ts.isoformat(),
            "sku": e.of["item_id"],
            "total": {"amount": e.of["value"], "currency": "EUR"},
        }
        for n, e in enumerate(orders)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "orders.jsonl").write_text(text, encoding="utf-8")
    _csv(folder / "people.csv", ("user", "plan", "ads", "email", "phone"), (
        (p, plan, world.consents[p], email(p), phone(p)) for p, plan in world.plans.items()
    ))  # fmt: skip
    _csv(folder / "items.csv", ("sku", "department", "kind", "name"), (
        (sku, *names) for sku, names in ITEMS.items()
    ))  # fmt: skip
    _csv(folder / "staff.csv", ("user",), ((p,) for p in sorted(STAFF)))
    _csv(folder / "ads.csv", ("day", "campaign", "segment", "impressions", "clicks", "spend",
                              "conversions"), _ads())  # fmt: skip


def _ads() -> Iterator[tuple[Any, ...]]:
    dice = random.Random(3)
    for segment, rate in (("broad", 0.01), ("pricing_hot", 0.03)):
        for day in range(20):
            seen = dice.randrange(900, 1_100)
            clicks = round(seen * rate * dice.uniform(0.8, 1.2))
            date = f"2024-03-{1 + day:02}"
            yield date, "spring", segment, seen, clicks, f"{clicks * 0.4:.2f}", clicks // 9


def _csv(path: Path, head: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def micros(moment: datetime) -> int:
    """UTC microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


# ---------------------------------------------------------------------------------------- counts

Rule = Callable[[str], bool]


def matched(world: Florist, moment: datetime = MOMENT) -> dict[str, frozenset[str]]:
    """Who each segment's condition holds for, variants too, from its sentence alone."""
    by_person: dict[str, list[Event]] = {p: [] for p in PEOPLE}
    for event in world.events:
        if event.ts < moment:
            by_person[event.person].append(event)

    def did(person: str, names: str, days: float, *, until: float = 0) -> list[Event]:
        start, end = moment - timedelta(days=days), moment - timedelta(days=until)
        return [e for e in by_person[person] if e.name in names.split() and start <= e.ts < end]

    def on(events: list[Event], start: str) -> list[Event]:
        return [e for e in events if e.of["path"].startswith(start)]

    def pricing(days: int) -> Rule:
        return lambda p: bool(on(did(p, "page_view", days), "/pricing"))

    def quiet(days: int) -> Rule:
        return lambda p: bool(did(p, "page_view", 40, until=14)) and not did(p, "page_view", days)

    def reads(p: str) -> bool:
        read = on(did(p, "page_view", 14), "/blog")
        return len({e.ts.astimezone(ZONE).date() for e in read}) >= 2

    def left(p: str) -> bool:
        return any(
            added.ts + timedelta(days=1) < moment
            and not any(
                added.ts < bought.ts <= added.ts + timedelta(days=1)
                for bought in did(p, "purchase", 1_000)
                if bought.of["item_id"] == added.of["item_id"]
            )
            for added in did(p, "add_to_cart", 21)
        )

    def news(p: str) -> bool:
        midnight = moment.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        start = (midnight - timedelta(days=7)).astimezone(UTC)  # by the calendar, not the clock
        return any(
            start <= e.ts < midnight.astimezone(UTC) for e in by_person[p] if e.name == "newsletter"
        )

    def roses(p: str) -> bool:
        chosen = did(p, "add_to_cart purchase", 30)
        return any(ITEMS[e.of["item_id"]][1] == "Roses" for e in chosen)

    rules: dict[str, Rule] = {
        "pricing_hot": pricing(7),
        "pricing_hot@7d": pricing(7),
        "pricing_hot@14d": pricing(14),
        "pricing_hot@30d": pricing(30),
        "readers": reads,
        "regulars": lambda p: len(did(p, "purchase", 30)) >= 2 and world.plans.get(p) == "club",
        "roses": roses,
        "quiet": quiet(10),
        "quiet@7d": quiet(7),
        "quiet@10d": quiet(10),
        "cart_left": left,
        "news_days": news,
        "nobody": lambda _: False,
        "hostile": lambda p: any(e.name == HOSTILE_EVENT for e in by_person[p]),
        "recent_buyers": lambda p: bool(did(p, "purchase", 3)),
        "staff": lambda p: p in STAFF,
    }
    everyone = {e.person for e in world.events if e.ts < moment} | set(world.plans)
    return {id_: frozenset(filter(rule, everyone)) for id_, rule in rules.items()}


EXCLUSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "cart_left": ("recent_buyers", "staff", "roses"),
    "news_days": (),
    "hostile": (),
    "recent_buyers": (),
    "staff": (),
}


def members(world: Florist, moment: datetime = MOMENT) -> dict[str, frozenset[str]]:
    """Who is in each segment, exclusions applied."""
    found = matched(world, moment)
    kept: dict[str, frozenset[str]] = {}
    # In this order every exclusion is known before it is used.
    for id_ in sorted(found, key=lambda i: (bool(EXCLUSIONS.get(i, True)), i == "cart_left")):
        taken = EXCLUSIONS.get(id_, ("recent_buyers", "staff"))
        kept[id_] = found[id_].difference(*(kept[e] for e in taken))
    return kept
