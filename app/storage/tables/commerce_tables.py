"""Commerce events: one row for each shipment, cancellation and credit memo of Commerce."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.tables.base import EMPTY_LIST, metadata, time

commerce_events = sa.Table(
    "commerce_events",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    # The shipment, cancellation or credit memo, such as commerce-shipment-45.
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("commerce_order_id", sa.BigInteger, nullable=False),
    # NULL until it is known which Walmart order it is.
    sa.Column("order_id", UUID(as_uuid=True)),
    # Everything known about it; told_at: when the newest complete content arrived.
    sa.Column("told", JSONB, key="content", nullable=False),
    sa.Column("told_at", sa.DateTime(timezone=True), key="content_at"),
    # The ids of the shipments that it became, or was found to be; of a credit memo the REST request
    # behind it.
    sa.Column("shipments", JSONB, nullable=False, server_default=EMPTY_LIST),
    sa.Column("state", sa.Text, nullable=False),
    # Why it is refused or waits.
    sa.Column("code", sa.Text),
    sa.Column("message", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("dismissed_by", sa.Text),
    # The request that brought its newest message.
    sa.Column("request_id", sa.Text),
    sa.Column("traceparent", sa.Text),
    time("received_at", default=True),
    time("updated_at", default=True),
    # When a poller carries it out, after its order is linked.
    time("due_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint(
        "store_id", "commerce_order_id", "reference", name="uq_commerce_events_reference"
    ),
    sa.Index("ix_commerce_events_order", "store_id", "order_id"),
    # A page over all stores, the newest first.
    sa.Index("ix_commerce_events_id", "id"),
    sa.Index(
        "ix_commerce_events_open",
        "store_id",
        "id",
        postgresql_where=sa.text("state IN ('waiting', 'refused')"),
    ),
    # Events that a new link frees, events that were never linked, and events that are due.
    sa.Index(
        "ix_commerce_events_unlinked",
        "store_id",
        "commerce_order_id",
        postgresql_where=sa.text("state = 'waiting' AND order_id IS NULL"),
    ),
    sa.Index(
        "ix_commerce_events_unlinked_since",
        "received_at",
        postgresql_where=sa.text("state = 'waiting' AND order_id IS NULL"),
    ),
    sa.Index(
        "ix_commerce_events_ready",
        "due_at",
        postgresql_where=sa.text(
            "state = 'waiting' AND code = 'order_not_linked' AND order_id IS NOT NULL"
        ),
    ),
)

# Refused events by their cause (queries/attention_groups.py): for a carrier without an address its
# code, and its title where the code says nothing.
REFUSED_CODE = "COALESCE(code, '')"
REFUSED_VALUE = (
    "COALESCE(\nCASE\n    WHEN code = 'tracking_url_required' THEN\n    CASE\n"
    "        WHEN lower(((told -> 'tracks') -> 0) ->> 'carrier_code') = 'custom' "
    "THEN COALESCE(((told -> 'tracks') -> 0) ->> 'title', 'custom')\n"
    "        ELSE ((told -> 'tracks') -> 0) ->> 'carrier_code'\n    END\n"
    "    ELSE NULL\nEND, '')"
)
sa.Index(
    "ix_commerce_events_refused_causes",
    commerce_events.c.store_id,
    commerce_events.c.about,
    sa.text(REFUSED_CODE),
    sa.text(REFUSED_VALUE),
    commerce_events.c.received_at,
    commerce_events.c.id,
    postgresql_where=sa.text("state = 'refused'"),
)

commerce_event_ids = sa.Table(
    "commerce_event_ids",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # Adobe's id of the event.
    sa.Column("event_id", sa.Text, nullable=False),
    time("received_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "event_id"),
    sa.Index("ix_commerce_event_ids_received_at", "received_at"),
)
