"""Idempotency keys: a request that is sent twice is carried out once, and has one response.

The response is stored in the transaction of the request's changes, so that neither exists without
the other. A running request holds an advisory lock of its transaction, which works behind a
transaction pooler, too, and ends with the transaction.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

import sqlalchemy as sa

from app.domain.errors import Conflict, Invalid, Problem
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

# An advisory lock is of the server that is asked: the one of the store's rows, as where a request
# is accepted without a transaction of its own (`app/storage/orders/accept_changes.sql`). A row
# comes back whether or not there is a key.
_LOCK = Statement("""
    SELECT pg_try_advisory_xact_lock(:lock) AS held, count(*) AS stored FROM idempotency_keys
     WHERE store_id = CAST(:store_id AS int) AND api_key = :api_key AND method = :method
       AND path = :path AND key = :key
""")


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """An HTTP response as it is stored."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with an Idempotency-Key."""

    store_id: int
    """0 means that it belongs to no store."""
    api_key: str
    method: str
    path: str
    key: str
    fingerprint: bytes
    """Digest of the body."""
    render: Callable[[Any], StoredResponse]
    """Makes the response of the result of the use case."""

    def rendering(self, convert: Callable[[Any], object]) -> Self:
        """The same request for a use case whose result is converted before it is rendered."""
        return replace(self, render=lambda result: self.render(convert(result)))


class Replayed(Exception):
    """The request was carried out before. answer: its response then."""

    def __init__(self, answer: StoredResponse) -> None:
        self.answer = answer
        super().__init__("answered before")


def fingerprint(body: object) -> bytes:
    """A digest of a JSON-like body; equal bodies have equal digests."""
    return hashlib.sha256(_IN_ORDER.encode(body).encode()).digest()


async def begin(connection: Connection, once: IdempotentRequest | None) -> None:
    """Begin a request. Raises Replayed if it was answered before.

    Raises Conflict idempotency_in_progress while a request with the same key runs, and Invalid
    idempotency_key_reused if the key was used for another body.
    """
    if once is None:
        return
    held = await _LOCK.execute(
        connection,
        {
            "lock": lock_number(once),
            "store_id": once.store_id,
            "api_key": once.api_key,
            "method": once.method,
            "path": once.path,
            "key": once.key,
        },
    )
    if not held.one().held:
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
    """What a stored response means: Replayed, or Invalid if it is of another body."""
    if fingerprint != once.fingerprint:
        message = "This Idempotency-Key was used with another body before."
        problem = Problem("idempotency_key_reused", message, "/Idempotency-Key")
        return Invalid(problem.code, message, [problem])
    return Replayed(answer)


def in_progress() -> Conflict:
    """The error of a request while another one with the same key runs."""
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
