"""Shipments and cancellations to accept, and the shipments that are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders.order import Item
from app.domain.orders.tracking_key import tracking_key
from app.storage.orders.repository import contents_of, items_of
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.tables import shipments, updates


@dataclass(frozen=True, slots=True)
class NewShipment:
    """A shipment to insert.

    walmart_carrier has exactly one of the keys carrier and other, and `found_by` where something
    named the carrier.
    """

    id: UUID
    update_id: UUID
    carrier_code: str
    carrier_title: str | None
    tracking_number: str
    tracking_url: str | None
    shipped_at: datetime
    method_code: str
    reference: str | None
    fingerprint: bytes
    """Digest of the request, to compare one that has the same reference."""
    override_cancel_request: bool
    walmart_carrier: Mapping[str, str]
    """Has exactly one of the keys carrier and other."""
    items: tuple[Item, ...]
    contents: Mapping[int, int] = field(default_factory=dict)
    """Quantities of the items of composite products, by Commerce item."""
    passed_over: tuple[int, ...] = ()
    """Commerce items of the request that belong to no line."""


@dataclass(frozen=True, slots=True)
class NewCancellation:
    """A cancellation to insert."""

    id: UUID
    update_id: UUID
    reason: str
    comment: str | None
    inventory: list[dict[str, Any]]
    """Stock levels that Commerce gave with it."""
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class StoredShipment:
    """A shipment with the state of its update, to correct it."""

    id: UUID
    update_id: UUID
    carrier_code: str
    carrier_title: str | None
    tracking_number: str
    tracking_url: str | None
    state: str
    in_doubt_until: datetime | None
    payload: Mapping[str, Any]
    first_confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentShipment:
    """A shipment, to recognise another request for it."""

    id: UUID
    update_id: UUID
    reference: str | None
    tracking_number: str
    numbers: frozenset[str]
    """All its tracking numbers, now and earlier, as `tracking_key` writes them."""
    items: tuple[Item, ...]
    contents: Mapping[int, int]
    """Quantities of the items of composite products, by Commerce item."""

    @property
    def key(self) -> str:
        """Its tracking number, as `tracking_key` writes it."""
        return tracking_key(self.tracking_number)


_SENT = sql.load("orders/list_sent_shipments.sql")


async def by_reference(
    connection: Connection, store_id: int, order_id: UUID, reference: str
) -> tuple[UUID, bytes] | None:
    """The shipment of an order with this reference, and its fingerprint."""
    statement = sa.select(shipments.c.id, shipments.c.fingerprint).where(
        shipments.c.store_id == store_id,
        shipments.c.order_id == order_id,
        shipments.c.reference == reference,
    )
    row = (await connection.execute(statement)).one_or_none()
    return (row.id, row.fingerprint) if row else None


async def sent(connection: Connection, store_id: int, order_id: UUID) -> list[SentShipment]:
    """An order's shipments, oldest first."""
    values = {"store_id": store_id, "order_id": order_id}
    return [
        SentShipment(
            row["id"],
            row["update_id"],
            row["reference"],
            row["tracking_number"],
            frozenset(map(tracking_key, (row["tracking_number"], *row["former"]))),
            items_of(row["items"]),
            contents_of((row["commerce_items"] or {}).get("contents")),
        )
        for row in await _SENT.fetch(connection, values)
    ]


async def forget_reference(connection: Connection, store_id: int, shipment_id: UUID) -> None:
    """Remove the reference, so that another shipment of the order can have it."""
    await connection.execute(
        sa.update(shipments)
        .where(shipments.c.store_id == store_id, shipments.c.id == shipment_id)
        .values(reference=None)
    )


async def sendable(
    connection: Connection, store_id: int, order_id: UUID, shipment_id: UUID
) -> StoredShipment | None:
    """A shipment of an order; its update is locked. None means that there is none."""
    statement = (
        sa.select(
            shipments.c.id,
            shipments.c.update_id,
            shipments.c.carrier_code,
            shipments.c.carrier_title,
            shipments.c.tracking_number,
            shipments.c.tracking_url,
            updates.c.state,
            updates.c.in_doubt_until,
            updates.c.payload,
            shipments.c.first_confirmed_at,
        )
        .join(
            updates,
            sa.and_(
                updates.c.store_id == shipments.c.store_id, updates.c.id == shipments.c.update_id
            ),
        )
        .where(
            shipments.c.store_id == store_id,
            shipments.c.order_id == order_id,
            shipments.c.id == shipment_id,
        )
        .with_for_update(of=updates)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return StoredShipment(**row) if row else None


async def of_update(
    connection: Connection, store_id: int, update_id: UUID
) -> StoredShipment | None:
    """The shipment of an update, which is locked. None means that it has none."""
    statement = sa.select(shipments.c.order_id, shipments.c.id).where(
        shipments.c.store_id == store_id, shipments.c.update_id == update_id
    )
    row = (await connection.execute(statement)).one_or_none()
    return await sendable(connection, store_id, row.order_id, row.id) if row else None


async def carriers_of_updates(
    connection: Connection, store_id: int, update_ids: Sequence[UUID]
) -> list[tuple[str, str | None, str | None]]:
    """The carrier codes and titles of shipments, and the name under which each goes to the buyer.

    The name is None for a carrier of Walmart's.
    """
    other = shipments.c.walmart_carrier["other"].astext
    statement = (
        sa.select(shipments.c.carrier_code, shipments.c.carrier_title, other)
        .where(shipments.c.store_id == store_id, shipments.c.update_id.in_(update_ids))
        .distinct()
    )
    return [tuple(row) for row in await connection.execute(statement)]


async def correct(
    connection: Connection, store_id: int, shipment_id: UUID, changes: Mapping[str, Any]
) -> None:
    """Save another carrier, number or URL of a shipment."""
    values = dict(changes) | {"tracking_key": tracking_key(changes["tracking_number"])}
    await connection.execute(
        sa.update(shipments)
        .where(shipments.c.store_id == store_id, shipments.c.id == shipment_id)
        .values(**values)
    )


async def send_instead(
    connection: Connection, store_id: int, update_id: UUID, payload: Mapping[str, Any]
) -> None:
    """Replace the payload of a shipment that Walmart provably does not have."""
    await connection.execute(
        sa.update(updates)
        .where(updates.c.store_id == store_id, updates.c.id == update_id)
        .values(payload=dict(payload), updated_at=sa.func.now())
    )
