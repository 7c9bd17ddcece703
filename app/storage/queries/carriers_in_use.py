"""Carrier codes that shipments of a store named lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.tables import shipments

LATELY = timedelta(days=30)
MOST_SHIPMENTS = 1000
"""The newest shipments of a store that are looked through, so that a page stays fast."""


@dataclass(frozen=True, slots=True)
class CarrierInUse:
    """A carrier code of Commerce, and what it went out as last."""

    code: str
    title: str | None
    shipments: int
    last_at: datetime
    walmart_carrier: Mapping[str, Any]
    """As it was sent: {"carrier": …} or {"other": …}."""


async def carriers_in_use(connection: Connection, store_id: int) -> Sequence[CarrierInUse]:
    """The codes of the last 30 days, the most frequent first."""
    newest = (
        sa.select(
            shipments.c.carrier_code,
            shipments.c.carrier_title,
            shipments.c.created_at,
            shipments.c.walmart_carrier,
        )
        .where(shipments.c.store_id == store_id)
        .order_by(shipments.c.number.desc())
        .limit(MOST_SHIPMENTS)
        .subquery()
    )
    code = newest.c.carrier_code
    last = sa.func.array_agg(
        sa.dialects.postgresql.aggregate_order_by(
            newest.c.walmart_carrier, newest.c.created_at.desc()
        )
    )
    count = sa.func.count()
    statement = (
        sa.select(
            code,
            sa.func.max(newest.c.carrier_title).label("title"),
            count.label("shipments"),
            sa.func.max(newest.c.created_at).label("last_at"),
            last[1].label("walmart_carrier"),
        )
        .where(newest.c.created_at > sa.func.now() - LATELY)
        .group_by(code)
        .order_by(count.desc(), code)
    )
    return [
        CarrierInUse(row[0], row.title, row.shipments, row.last_at, row.walmart_carrier)
        for row in await connection.execute(statement)
    ]
