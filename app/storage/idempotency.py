"""The same request sent twice is carried out once: answers kept by Idempotency-Key.

The answer is written in the transaction of what it answers, so that there is never one
without the other. A request that runs now holds a transaction-level advisory lock, which
works behind a transaction pooler too, and ends with its transaction.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.domain.errors import Conflict, Invalid
from app.storage.postgres import sharding, sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement
from app.storage.tables import idempotency_keys

_IN_ORDER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)
KEPT_FOR = timedelta(days=7)
# A response that is too old to be given again may still be stored under the key.
_STORE = Statement(
    sharding.of_one(
        sql.read(
            "store_response.sql",
            accepted="",
            rest="""ON CONFLICT ON CONSTRAINT pk_idempotency_keys DO UPDATE
                    SET fingerprint = excluded.fingerprint, status = excluded.status,
                        body = excluded.body, headers = excluded.headers,
                        created_at = excluded.created_at""",
        )
    )
)


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A finished HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request that carries a key. store_id 0: it belongs to no store. render makes its answer."""

    store_id: int
    api_key: str
    method: str
    path: str
    key: str
    fingerprint: bytes
    render: Callable[[Any], StoredResponse]


class Replayed(Exception):
    """The request was carried out before; this is what it was answered."""

    def __init__(self, answer: StoredResponse) -> None:
        self.answer = answer
        super().__init__("answered before")


def fingerprint(body: object) -> bytes:
    """A digest of a JSON-like body: equal for bodies that say the same."""
    return hashlib.sha256(_IN_ORDER.encode(body).encode()).digest()


async def begin(connection: Connection, once: IdempotentRequest | None) -> None:
    """Begin a request: raises Replayed when it was answered before.

    Raises Conflict idempotency_in_progress while its twin runs, and Invalid
    idempotency_key_reused when the key was used for another body.
    """
    if once is None:
        return
    lock = sa.select(sa.func.pg_try_advisory_xact_lock(lock_number(once)))
    if not (await connection.execute(lock)).scalar_one():
        raise in_progress()
    kept = idempotency_keys.c
    row = (
        await connection.execute(
            sa.select(kept.fingerprint, kept.status, kept.body, kept.headers).where(
                kept.store_id == once.store_id,
                kept.api_key == once.api_key,
                kept.method == once.method,
                kept.path == once.path,
                kept.key == once.key,
                kept.created_at > sa.func.now() - KEPT_FOR,
            )
        )
    ).one_or_none()
    if row is not None:
        raise known(once, row.fingerprint, StoredResponse(row.status, row.body, row.headers))


def known(
    once: IdempotentRequest, fingerprint: bytes, answer: StoredResponse
) -> Replayed | Invalid:
    """Give an answer that is kept again: a Replay, or Invalid for another body than its."""
    if fingerprint != once.fingerprint:
        return Invalid(
            "idempotency_key_reused", "This Idempotency-Key was used with another body before."
        )
    return Replayed(answer)


def in_progress() -> Conflict:
    """The error of a request whose twin runs."""
    return Conflict(
        "idempotency_in_progress", "A request with this Idempotency-Key is being carried out."
    )


async def store(connection: Connection, once: IdempotentRequest | None, result: object) -> None:
    """Store the response of a request, in the transaction of what the request did."""
    if once is not None:
        values = {"store_id": once.store_id, "responses": [response_row(once, once.render(result))]}
        await _STORE.execute(connection, values)


def response_row(once: IdempotentRequest, answer: StoredResponse) -> dict[str, Any]:
    """The row of `store_response.sql` for the response of a request."""
    return {
        "store_id": once.store_id,
        "api_key": once.api_key,
        "method": once.method,
        "path": once.path,
        "key": once.key,
        "fingerprint": once.fingerprint,
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
    }


def lock_number(once: IdempotentRequest) -> int:
    """The advisory lock that a request holds while it runs."""
    name = f"{once.store_id}\0{once.api_key}\0{once.method}\0{once.path}\0{once.key}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
