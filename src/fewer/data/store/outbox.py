"""The outbox: what is sent where, what was answered, and what each platform is known to hold.

Every step that changes what a platform holds is written down before it is taken and after it was
answered. A row is ``there`` once it was acknowledged. Between the two it is ``uncertain``: nobody
knows whether it arrived, so the next plan adds it again if it should be there, and removes it if
it should not. Both are harmless, and no crash loses a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa
from pyroaring import BitMap

from fewer.data.identity.telling import told
from fewer.data.store import schema
from fewer.data.store.control import writing
from fewer.errors import NotFoundError, StoreError
from fewer.model.delivery import Held, StoredBatch, StoredPlan

if TYPE_CHECKING:
    from fewer.data.store.store import Store

Row = tuple[str | None, ...]

TOKEN: Final = 16
_SEAL: Final = "delivery"
_CHUNK: Final = 400  # tokens in one IN (...): below SQLite's limit of parameters


class Outbox:
    """Reads and writes the tables of delivery of one project."""

    def __init__(self, store: Store) -> None:
        self._control = store.control
        self._vault = store.vault

    # ------------------------------------------------------------------------- audiences

    def audience(self, destination: str, segment: str, columns: Sequence[str]) -> int:
        """Number of an audience; made where it is missing, with these columns."""
        table = schema.audiences
        where = (table.c.destination == destination) & (table.c.segment == segment)
        with writing(self._control) as connection:
            found = connection.execute(sa.select(table.c.id).where(where)).scalar_one_or_none()
            if found is None:
                connection.execute(
                    table.insert().values(
                        destination=destination,
                        segment=segment,
                        remote="",
                        columns=json.dumps(list(columns)),
                        facts="{}",
                    )
                )
                found = connection.execute(sa.select(table.c.id).where(where)).scalar_one()
        return int(found)

    def audiences(self) -> list[dict[str, Any]]:
        """All of them, with how many rows are there and how many are uncertain."""
        rows, audience = schema.audience_rows, schema.audiences
        counted = sa.select(rows.c.audience, rows.c.state, sa.func.count()).group_by(
            rows.c.audience, rows.c.state
        )
        with self._control.connect() as connection:
            sizes = {(a, s): n for a, s, n in connection.execute(counted)}
            return [
                {
                    "id": one.id,
                    "destination": one.destination,
                    "segment": one.segment,
                    "remote": one.remote,
                    "columns": json.loads(one.columns),
                    "rows": sizes.get((one.id, "there"), 0),
                    "uncertain": sizes.get((one.id, "uncertain"), 0),
                }
                for one in connection.execute(sa.select(audience).order_by(audience.c.id))
            ]

    def remote(self, audience: int, given: str | None = None) -> str:
        """The platform's id of an audience; `given` writes it down first."""
        table = schema.audiences
        where = table.c.id == audience
        if given is not None:
            with writing(self._control) as connection:
                connection.execute(table.update().where(where).values(remote=given))
        with self._control.connect() as connection:
            return str(connection.execute(sa.select(table.c.remote).where(where)).scalar_one())

    def known(self, audience: int) -> dict[bytes, Held]:
        """Token -> row that is there or may be."""
        table = schema.audience_rows
        query = sa.select(table.c.token, table.c.person, table.c.state).where(
            table.c.audience == audience
        )
        with self._control.connect() as connection:
            return {
                bytes(token): Held(person, state == "there")
                for token, person, state in connection.execute(query)
            }

    def token(self, columns: Sequence[str], row: Row) -> bytes:
        """Keyed digest of a row: equal rows have equal tokens, and nobody else can test one."""
        text = json.dumps([list(columns), list(row)], separators=(",", ":"))
        return self._vault.token(_SEAL, text)

    def rows(self, audience: int, tokens: Sequence[bytes]) -> dict[bytes, Row]:
        """Rows that were sent, opened."""
        table = schema.audience_rows
        found: dict[bytes, Row] = {}
        with self._control.connect() as connection:
            for part in _parts(tokens):
                query = sa.select(table.c.token, table.c.sealed).where(
                    (table.c.audience == audience) & table.c.token.in_(part)
                )
                for token, sealed in connection.execute(query):
                    opened = self._vault.open(_SEAL, bytes(sealed), bytes(token))
                    found[bytes(token)] = tuple(json.loads(opened))
        return found

    def added_since(self, destination: str, since_us: int) -> dict[str, BitMap]:
        """Segment -> people who were added to its audience in plans made since a moment."""
        batch, plan, audience = schema.sync_batches, schema.sync_plans, schema.audiences
        query = (
            sa.select(audience.c.segment, batch.c.people)
            .join(plan, plan.c.id == batch.c.plan)
            .join(audience, audience.c.id == batch.c.audience)
            .where(
                (audience.c.destination == destination)
                & (plan.c.created_us >= since_us)
                & (batch.c.op == "add")
                & (batch.c.attempts > 0)
            )
        )
        found: dict[str, BitMap] = {}
        with self._control.connect() as connection:
            for segment, people in connection.execute(query):
                numbers = np.frombuffer(people, dtype="<u4")
                found[segment] = found.get(segment, BitMap()) | BitMap(numbers)
        return found

    # ----------------------------------------------------------------------------- plans

    def save(self, plan: StoredPlan, batches: Iterable[StoredBatch]) -> None:
        """Freeze a plan."""
        with writing(self._control) as connection:
            connection.execute(
                schema.sync_plans.insert().values(
                    id=plan.id,
                    created_us=plan.created_us,
                    state=plan.state,
                    hash=plan.hash,
                    body=json.dumps(plan.body, ensure_ascii=False),
                )
            )
            for one in batches:
                connection.execute(
                    schema.sync_batches.insert().values(
                        plan=one.plan,
                        number=one.number,
                        audience=one.audience,
                        op=one.op,
                        tokens=b"".join(one.tokens),
                        people=np.array(one.people, dtype="<u4").tobytes(),
                        state=one.state,
                        attempts=0,
                        receipt="{}",
                    )
                )

    def plan(self, plan_id: str) -> StoredPlan:
        """One plan; `NotFoundError` names those there are."""
        found = {one.id: one for one in self.plans()}
        if plan_id not in found:
            raise NotFoundError("plan", plan_id, found)
        return found[plan_id]

    def plans(self) -> list[StoredPlan]:
        """All plans, the newest first."""
        table = schema.sync_plans
        query = sa.select(table).order_by(table.c.created_us.desc(), table.c.id.desc())
        with self._control.connect() as connection:
            return [
                StoredPlan(one.id, one.created_us, one.state, one.hash, json.loads(one.body))
                for one in connection.execute(query)
            ]

    def batches(self, plan_id: str) -> list[StoredBatch]:
        """Batches of a plan, in order."""
        table = schema.sync_batches
        query = sa.select(table).where(table.c.plan == plan_id).order_by(table.c.number)
        with self._control.connect() as connection:
            return [_batch(one) for one in connection.execute(query)]

    def set_state(self, plan_id: str, state: str, *, was: Sequence[str]) -> None:
        """Move a plan on; StoreError when somebody else has moved it already."""
        table = schema.sync_plans
        with writing(self._control) as connection:
            done = connection.execute(
                table.update()
                .where((table.c.id == plan_id) & table.c.state.in_(list(was)))
                .values(state=state)
            )
            if done.rowcount != 1:
                raise StoreError(
                    f"Plan {plan_id} was taken on by somebody else. Look: fewer sync status"
                )

    # --------------------------------------------------------------------------- batches

    def begin(self, batch: StoredBatch, rows: Mapping[bytes, Row]) -> None:
        """Write down that a batch is about to be sent: its rows are uncertain from now on."""
        table, own = schema.audience_rows, schema.sync_batches
        with writing(self._control) as connection:
            connection.execute(
                own.update()
                .where((own.c.plan == batch.plan) & (own.c.number == batch.number))
                .values(state="sending", attempts=own.c.attempts + 1)
            )
            there = _tokens(connection, batch.audience, batch.tokens)
            _uncertain(connection, batch.audience, there)
            if batch.op == "remove":
                return
            new = [
                {
                    "audience": batch.audience,
                    "token": token,
                    "person": person,
                    "state": "uncertain",
                    "sealed": self._seal(token, rows[token]),
                }
                for token, person in zip(batch.tokens, batch.people, strict=True)
                if token not in there
            ]
            if new:
                connection.execute(table.insert(), new)

    def finish(
        self,
        batch: StoredBatch,
        *,
        refused: Mapping[bytes, str],
        uncertain: bool,
        receipt: Mapping[str, Any],
        at_us: int,
    ) -> None:
        """Write down what was answered. Refused rows go to quarantine with their reason.

        Args:
            batch: It.
            refused: Token -> reason.
            uncertain: The platform did not say which rows it took: none becomes certain.
            receipt: Counts, reasons, the platform's reference.
            at_us: Now.
        """
        table, own = schema.audience_rows, schema.sync_batches
        people = dict(zip(batch.tokens, batch.people, strict=True))
        taken = [token for token in batch.tokens if token not in refused]
        with writing(self._control) as connection:
            for part in _parts(taken if not uncertain else ()):
                where = (table.c.audience == batch.audience) & table.c.token.in_(part)
                if batch.op == "add":
                    connection.execute(table.update().where(where).values(state="there"))
                else:
                    connection.execute(table.delete().where(where))
            for part in _parts(list(refused)):
                where = (table.c.audience == batch.audience) & table.c.token.in_(part)
                if batch.op == "add":  # it is not there; a removal that was refused may still be
                    connection.execute(table.delete().where(where))
            _quarantine(connection, batch, refused, people, at_us)
            connection.execute(
                own.update()
                .where((own.c.plan == batch.plan) & (own.c.number == batch.number))
                .values(state="done", receipt=json.dumps(receipt, ensure_ascii=False))
            )

    def heard(self, batch: StoredBatch, more: Mapping[str, Any]) -> None:
        """Add to the receipt what the platform said later."""
        own = schema.sync_batches
        receipt = {**(batch.receipt or {}), **more}
        with writing(self._control) as connection:
            connection.execute(
                own.update()
                .where((own.c.plan == batch.plan) & (own.c.number == batch.number))
                .values(receipt=json.dumps(receipt, ensure_ascii=False))
            )

    def fail(self, batch: StoredBatch, reason: str) -> None:
        """A batch could not be sent, or nobody knows; it is sent again by a later apply."""
        own = schema.sync_batches
        with writing(self._control) as connection:
            connection.execute(
                own.update()
                .where((own.c.plan == batch.plan) & (own.c.number == batch.number))
                .values(state="failed", receipt=json.dumps({"error": told(reason)}))
            )

    def refused(self, plan_id: str) -> list[tuple[int, str, str, int]]:
        """(audience, operation, reason, rows) of a plan's quarantine."""
        table = schema.sync_refused
        query = (
            sa.select(table.c.audience, table.c.op, table.c.reason, sa.func.count())
            .where(table.c.plan == plan_id)
            .group_by(table.c.audience, table.c.op, table.c.reason)
            .order_by(table.c.audience, table.c.op, table.c.reason)
        )
        with self._control.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def _seal(self, token: bytes, row: Row) -> bytes:
        text = json.dumps(list(row), separators=(",", ":")).encode()
        return self._vault.seal(_SEAL, text, token)


def _batch(one: Any) -> StoredBatch:
    tokens = bytes(one.tokens)
    return StoredBatch(
        one.plan,
        one.number,
        one.audience,
        one.op,
        tuple(tokens[i : i + TOKEN] for i in range(0, len(tokens), TOKEN)),
        tuple(np.frombuffer(one.people, dtype="<u4").tolist()),
        one.state,
        one.attempts,
        json.loads(one.receipt),
    )


def _tokens(connection: sa.Connection, audience: int, tokens: Sequence[bytes]) -> set[bytes]:
    table = schema.audience_rows
    found: set[bytes] = set()
    for part in _parts(tokens):
        query = sa.select(table.c.token).where(
            (table.c.audience == audience) & table.c.token.in_(part)
        )
        found |= {bytes(token) for token in connection.execute(query).scalars()}
    return found


def _uncertain(connection: sa.Connection, audience: int, tokens: Iterable[bytes]) -> None:
    table = schema.audience_rows
    for part in _parts(list(tokens)):
        connection.execute(
            table.update()
            .where((table.c.audience == audience) & table.c.token.in_(part))
            .values(state="uncertain")
        )


def _quarantine(
    connection: sa.Connection,
    batch: StoredBatch,
    refused: Mapping[bytes, str],
    people: Mapping[bytes, int],
    at_us: int,
) -> None:
    table = schema.sync_refused
    for part in _parts(list(refused)):
        connection.execute(
            table.delete().where(
                (table.c.plan == batch.plan)
                & (table.c.audience == batch.audience)
                & table.c.token.in_(part)
            )
        )
        connection.execute(
            table.insert(),
            [
                {
                    "plan": batch.plan,
                    "audience": batch.audience,
                    "token": token,
                    "person": people[token],
                    "op": batch.op,
                    "reason": told(refused[token]),
                    "at_us": at_us,
                }
                for token in part
            ],
        )


def _parts(tokens: Sequence[bytes]) -> Iterator[list[bytes]]:
    for i in range(0, len(tokens), _CHUNK):
        yield list(tokens[i : i + _CHUNK])
