"""Who the log's people are in the shop's own books: ids, contacts, consents, lists."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fewer.data.simulate.catalogue import COUNTRIES, PLANS
from fewer.data.simulate.log import DAY, Ints, Log
from fewer.data.simulate.world import NEVER, Bools, World

DOMAINS = ("example.com", "example.org", "example.net")
FIRST = ("ada", "ben", "cleo", "dan", "eva", "finn", "gus", "hana", "ivo", "june", "kim", "leo")
LAST = ("abbott", "baker", "costa", "dumas", "ek", "fox", "grant", "hill", "ito", "jones")
PURPOSES = ("ads", "email")
GRANTED = {"US": 0.80, "CA": 0.70, "GB": 0.62, "DE": 0.48, "FR": 0.52}  # by country of residence
DENIED = 0.45  # share of the others who said no; the rest were never asked


@dataclass(frozen=True, slots=True)
class Roll:
    """Ids and fixed attributes of everyone in the log, machines after people."""

    user_ids: pa.StringArray
    anonymous_ids: pa.StringArray
    tokens: Ints  # of the anonymous ids
    signed_up: Ints  # microseconds from the first midnight
    device: npt.NDArray[np.int8]
    country: npt.NDArray[np.int8]
    staff: Bools

    def known(self, person: Ints, ts: Ints) -> Bools:
        """Rows in which the person was signed in, so that the user id was logged."""
        known: Bools = self.signed_up[person] <= ts
        return known

    def anonymous_id(self, person: int) -> str:
        """One person's id before signing in."""
        return f"a-{int(self.tokens[person]):016x}"

    def key(self, person: int, day: int) -> str:
        """The id by which a person is assigned at the midnight that starts `day`."""
        known = self.signed_up[person] <= day * DAY
        return user_id(person) if known else self.anonymous_id(person)


def user_id(person: int) -> str:
    """One person's id in the shop's own books."""
    return f"u-{person:06d}"


def enrol(rng: np.random.Generator, world: World, signups: Log, *, bots: int) -> Roll:
    """Give everyone ids; a sign-up during the days takes effect at its event."""
    total = world.people + bots
    signed_up = np.full(total, NEVER * DAY, dtype=np.int64)
    signed_up[: world.people] = np.minimum(world.signup_day, NEVER) * DAY
    signed_up[signups.person] = signups.ts
    tokens = rng.integers(0, 1 << 62, total)
    extra = rng.integers(0, 2, bots).astype(np.int8)
    return Roll(
        user_ids=_texts(total, (user_id(number) for number in range(total))),
        anonymous_ids=_texts(total, (f"a-{token:016x}" for token in map(int, tokens))),
        tokens=tokens,
        signed_up=signed_up,
        device=np.concatenate([world.device, extra]),
        country=np.concatenate([world.country, extra]),
        staff=np.concatenate([world.staff, np.zeros(bots, dtype=np.bool_)]),
    )


def _texts(size: int, values: Iterator[str]) -> pa.StringArray:
    return pa.array(values, type=pa.string(), size=size)


def write_people(
    path: Path,
    rng: np.random.Generator,
    world: World,
    roll: Roll,
    *,
    first_day: datetime,
    days: int,
) -> dict[str, int]:
    """Write every account, with a second row where consent changed; returns what was planted."""
    accounts = np.flatnonzero(world.account)
    size = len(accounts)
    draw = rng.random((4, size))
    asked = np.array([GRANTED[country] for country in COUNTRIES])[world.country[accounts]]
    denied = asked + (1 - asked) * DENIED
    said = rng.random((size, len(PURPOSES)))
    state = 1 * (said >= asked[:, None]) + (said >= denied[:, None])
    states = np.array(["granted", "denied", ""])[state]
    changed_on = rng.integers(0, days, size)
    planted = {"email_missing": 0, "email_invalid": 0, "phone_invalid": 0, "consent_changes": 0}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["user_id", "email", "phone", "country", "plan", "signed_up_at"]
            + [f"consent_{purpose}" for purpose in PURPOSES]
            + ["valid_from"]
        )
        for row, person in enumerate(accounts.tolist()):
            email, email_kind = _email(person, draw[0, row], draw[1, row])
            phone, phone_kind = _phone(person, COUNTRIES[world.country[person]], draw[2, row])
            since = _stamp(first_day, int(roll.signed_up[person]))
            fixed = [user_id(person), email, phone, COUNTRIES[world.country[person]]]
            fixed += [PLANS[world.plan[person]], since]
            writer.writerow([*fixed, *states[row], since])
            for kind in (email_kind, phone_kind):
                if kind:
                    planted[kind] += 1
            if draw[3, row] < 0.05 and world.signup_day[person] < 0:
                flipped = "denied" if states[row][0] == "granted" else "granted"
                changed = _stamp(first_day, int(changed_on[row]) * DAY + DAY // 2)
                writer.writerow([*fixed, flipped, states[row][1], changed])
                planted["consent_changes"] += 1
    return planted


def write_lists(
    folder: Path, rng: np.random.Generator, world: World, roll: Roll, held_out: Bools, seen: Bools
) -> tuple[dict[str, int], int]:
    """Write the holdout and the unsubscribed; returns rows per file, and unknown ids among them.

    The holdout names people by user id and anonymous id, whichever exist, and once more by the
    anonymous id alone: who signed up on the way was somebody without a name before, and is held
    out as both. People without an account who were never seen are left out of it.
    """
    held = np.flatnonzero(held_out & (world.account | seen)).tolist()
    with (folder / "simulated-holdout.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "anonymous_id"])
        writer.writerows(_named(world, roll, i) for i in held)
        again = [i for i in held if world.account[i] and seen[i]]
        writer.writerows(["", roll.anonymous_id(i)] for i in again)
    accounts = np.flatnonzero(world.account)
    gone = accounts[rng.random(len(accounts)) < 0.03].tolist()
    strangers = max(2, len(accounts) // 1500)
    with (folder / "simulated-unsubscribed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id"])
        writer.writerows([user_id(i)] for i in gone)
        writer.writerows([f"u-x{number:05d}"] for number in range(strangers))
    rows = {
        "simulated-holdout.csv": len(held) + len(again),
        "simulated-unsubscribed.csv": len(gone) + strangers,
    }
    return rows, strangers


def write_arms(
    path: Path, world: World, roll: Roll, lists: dict[str, Ints], *, assigned: str
) -> int:
    """Write who is in which arm, one row for each list of a person; returns the rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["list", "user_id", "anonymous_id", "assigned_at"])
        for name, people in lists.items():
            for person in people.tolist():
                writer.writerow([name, *_named(world, roll, person), assigned])
    return sum(len(people) for people in lists.values())


def write_assigned(
    out: Path, roll: Roll, arms: dict[str, dict[str, Ints]], *, day: int, assigned: str
) -> dict[str, int]:
    """Write a file for each comparison, as the tool that split people exports it.

    Everyone stands in it by the id that was split, as at the midnight that starts `day`.
    """
    rows = {}
    for comparison, people in arms.items():
        path = out / f"simulated-assigned-{comparison}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["person", "arm", "assigned_at"])
            for arm, who in people.items():
                writer.writerows([roll.key(i, day), arm, assigned] for i in who.tolist())
        rows[path.name] = sum(len(who) for who in people.values())
    return rows


def _named(world: World, roll: Roll, person: int) -> list[str]:
    return [user_id(person) if world.account[person] else "", roll.anonymous_id(person)]


def _email(person: int, kind: float, style: float) -> tuple[str, str]:
    name = f"{FIRST[person % len(FIRST)]}.{LAST[person // 12 % len(LAST)]}{person}"
    address = f"{name}@{DOMAINS[person % len(DOMAINS)]}"
    if kind < 0.05:
        return "", "email_missing"
    if kind < 0.06:
        return name if style < 0.5 else f"{name}@", "email_invalid"
    if style < 0.08:
        return f" {address.title()} ", ""
    return address, ""


def _phone(person: int, country: str, kind: float) -> tuple[str, str]:
    """Only numbers of the fictional range 555-0100 to 555-0199, so only North American ones."""
    if country not in {"US", "CA"} or kind < 0.3:
        return "", ""
    if kind < 0.32:
        return f"555-01{person % 100:02d}", "phone_invalid"  # no area code
    area = (212, 305, 312, 415, 503, 617, 713, 808, 907, 416)[person // 100 % 10]
    line = f"{person % 100:02d}"
    shapes = (f"+1 {area} 555 01{line}", f"({area}) 555-01{line}", f"1{area}55501{line}")
    return shapes[person % 3], ""


def _stamp(first_day: datetime, micros: int) -> str:
    return (first_day + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%SZ")
