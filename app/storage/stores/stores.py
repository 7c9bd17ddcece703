"""Stores and their settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders.requests import CarrierMap
from app.storage import rate_limits
from app.storage.postgres.database import Connection
from app.storage.postgres.errors import violated
from app.storage.stores import account_ownership, error_notifications
from app.storage.tables import stores

# A change of one of these ends the pause that the old ones caused.
_ACCESS = {
    "walmart_client_id",
    "walmart_client_secret",
    "commerce_base_url",
    "commerce_access_token",
}
PRESENT_SECRET = stores.c.notify_secret
"""The stored secret of notifications, as a new value of the column of the old one."""
# The columns that stores may share since before that was refused.
_SHARED = {"market", "walmart_client_id", "name"}
# What must be unique, by the index that ensures it.
_OWN = {"uq_stores_code": "code", "uq_stores_account": "account", "uq_stores_name": "name"}


class AlreadyInUse(Exception):
    """Another store has the code, account or name (what)."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class ShippingRules:
    """A store's settings for shipments."""

    carriers: CarrierMap
    default_tracking_url: str | None
    market: str


@dataclass(frozen=True, slots=True)
class CommerceSide:
    """How a store authenticates its Commerce: public keys in PEM, and Adobe client ids."""

    store_id: int
    webhook_public_keys: tuple[str, ...]
    io_client_ids: frozenset[str]


async def next_number(connection: Connection) -> int:
    """A number for a new store; numbers are never used twice."""
    sequence = sa.func.pg_get_serial_sequence("stores", "store_id")
    return int((await connection.execute(sa.select(sa.func.nextval(sequence)))).scalar_one())


async def add(connection: Connection, values: Mapping[str, Any]) -> None:
    """Create a store, with its lanes. Raises AlreadyInUse."""
    await _write(connection, sa.insert(stores).values(**values))
    await rate_limits.create(connection, [values["store_id"]])
    if values.get("notify_url") is not None:
        await error_notifications.begin(connection, values["store_id"])


async def change(connection: Connection, store_id: int, values: Mapping[str, Any]) -> None:
    """Change a store. New credentials end the pause that the old ones caused.

    Raises AlreadyInUse. A store that shares an account or name (account_ownership.py) keeps it
    until it gets another; what the owner gives up goes to the oldest store that shares it.
    """
    before = await account_ownership.lock(connection, store_id) if _SHARED & values.keys() else None
    statement = sa.update(stores).where(stores.c.store_id == store_id)
    columns = stores.c
    shared = {
        "account_shared": sa.and_(
            columns.account_shared,
            columns.market == values.get("market", columns.market),
            columns.walmart_client_id == values.get("walmart_client_id", columns.walmart_client_id),
        ),
        "name_shared": sa.and_(
            columns.name_shared,
            sa.func.lower(columns.name) == sa.func.lower(values.get("name", columns.name)),
        ),
    }
    await _write(connection, statement.values(**values, **shared, updated_at=sa.func.now()))
    if before is not None:
        # mutation: shared-account-successor
        await account_ownership.pass_on(connection, before)
    if _ACCESS & values.keys():
        await rate_limits.open_again(connection, store_id)
    if values.get("notify_url", "") is None:
        await error_notifications.end(connection, store_id)
    elif "notify_url" in values or "notify_secret" in values:
        await error_notifications.begin(connection, store_id)


async def _write(connection: Connection, statement: sa.Insert | sa.Update) -> None:
    try:
        await connection.execute(statement)
    except sa.exc.IntegrityError as error:
        what = _OWN.get(violated(error) or "")
        if what is None:
            raise
        raise AlreadyInUse(what) from error


async def number_of(connection: Connection, identifier: UUID) -> int | None:
    """The number of the store with that id. None means that there is no such store."""
    statement = sa.select(stores.c.store_id).where(stores.c.id == identifier)
    return (await connection.execute(statement)).scalar_one_or_none()


async def lock(connection: Connection, identifier: UUID) -> int | None:
    """Lock a store until the transaction ends; its number. None means that there is none."""
    statement = sa.select(stores.c.store_id).where(stores.c.id == identifier).with_for_update()
    return (await connection.execute(statement)).scalar_one_or_none()


async def name_is_taken(connection: Connection, name: str) -> bool:
    """Whether a store has that name, apart from case."""
    named = sa.func.lower(stores.c.name) == sa.func.lower(name)
    return bool((await connection.execute(sa.select(sa.exists().where(named)))).scalar_one())


async def number_of_code(connection: Connection, code: str) -> int | None:
    """The number of the store with that code. None means that there is no such store."""
    statement = sa.select(stores.c.store_id).where(stores.c.code == code)
    return (await connection.execute(statement)).scalar_one_or_none()


async def codes(connection: Connection, store_id: int | None) -> Mapping[str, int]:
    """The codes of stores, with their numbers. store_id: the one store; None means every store."""
    statement = sa.select(stores.c.code, stores.c.store_id).order_by(stores.c.code)
    if store_id is not None:
        statement = statement.where(stores.c.store_id == store_id)
    return {row.code: row.store_id for row in await connection.execute(statement)}


async def commerce_side(connection: Connection, code: str) -> CommerceSide | None:
    """How the store authenticates its Commerce. None means that there is no such store."""
    statement = sa.select(
        stores.c.store_id,
        stores.c.commerce_webhook_public_keys,
        stores.c.commerce_io_client_ids,
    ).where(stores.c.code == code)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else CommerceSide(row[0], tuple(row[1]), frozenset(row[2]))


async def identity(connection: Connection, name: str) -> tuple[int, UUID] | None:
    """The number and id of the store with that code or id. None means that there is none.

    A person may name a store either way. An id contains hyphens, and a code does not.
    """
    # mutation: store-by-code-or-id
    named = sa.or_(stores.c.code == name, sa.cast(stores.c.id, sa.Text) == name.lower())
    statement = sa.select(stores.c.store_id, stores.c.id).where(named)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else (row.store_id, row.id)


async def default_cancellation_reason(connection: Connection, store_id: int) -> str | None:
    """The reason of a cancellation that is requested without one."""
    statement = sa.select(stores.c.default_cancellation_reason).where(stores.c.store_id == store_id)
    return (await connection.execute(statement)).scalar_one_or_none()


async def pushes_orders(connection: Connection, store_id: int) -> bool:
    """Whether the store's orders are created in its Commerce."""
    statement = sa.select(stores.c.commerce_push_orders).where(stores.c.store_id == store_id)
    return bool((await connection.execute(statement)).scalar_one_or_none())


async def time_zone(connection: Connection, store_id: int) -> tuple[str | None, str]:
    """The time zone of the store's files (None means that of its market), and its market."""
    statement = sa.select(stores.c.time_zone, stores.c.market).where(stores.c.store_id == store_id)
    row = (await connection.execute(statement)).one()
    return row.time_zone, row.market


async def shipping_rules(connection: Connection, store_id: int) -> ShippingRules:
    """The store's settings for shipments."""
    statement = sa.select(stores.c.carriers, stores.c.default_tracking_url, stores.c.market).where(
        stores.c.store_id == store_id
    )
    row = (await connection.execute(statement)).one()
    return ShippingRules(row.carriers, row.default_tracking_url, row.market)
