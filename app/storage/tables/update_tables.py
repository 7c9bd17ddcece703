"""The outbox: updates, archived updates, and every attempt to deliver one."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.tables.base import EMPTY_LIST, EMPTY_OBJECT, metadata, time

updates = sa.Table(
    "updates",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("target", sa.Text, nullable=False, server_default="walmart"),
    # What the update is about: an order's purchase order number, or a SKU. One update of a subject
    # and target is active at a time.
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("payload", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("state", sa.Text, nullable=False, server_default="pending"),
    # Whether this is the active update of its subject.
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # Attempts in a row without success, for the backoff and the passing rule.
    sa.Column("retries", sa.Integer, nullable=False, server_default="0"),
    time("due_at", default=True),
    sa.Column("lease_token", UUID(as_uuid=True)),
    time("leased_until"),
    sa.Column("leased_by", sa.Text),
    # Walmart is read before the next send: the update is in doubt, was failed before, or is stale.
    sa.Column("ambiguous", sa.Boolean, nullable=False, server_default=sa.text("false")),
    # Written by versions before in_doubt_until; a trigger converts it.
    time("may_have_left_at"),
    # When a read may end the doubt whether an attempt takes effect (domain/outbox/doubt.py).
    time("in_doubt_until"),
    # When Walmart's last proper answer about it arrived. NULL before the first.
    time("known_at"),
    # Deliveries in a row that an exception in Waybill ended.
    sa.Column("faults", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reads", sa.Integer, nullable=False, server_default="0"),
    # Seconds of attempts that reached Walmart and failed, for giving up.
    sa.Column("failing_for", sa.Float, nullable=False, server_default="0"),
    time("failing_since"),
    sa.Column("last_error", JSONB),
    sa.Column("dismissed_by", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("requested_by", sa.Text),
    # The request that asked for it: X-Request-ID, and traceparent (W3C Trace Context).
    sa.Column("request_id", sa.Text),
    sa.Column("traceparent", sa.Text),
    # Whether its order must be shipped soon or is late: then it goes before others of its store.
    sa.Column("urgent", sa.Boolean, nullable=False, server_default=sa.text("false")),
    time("created_at", default=True),
    time("updated_at", default=True),
    time("finished_at"),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "target", "subject", "sequence"),
    sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
    sa.CheckConstraint(
        "(state = 'sending') = (lease_token IS NOT NULL AND leased_until IS NOT NULL)",
        name="lease_while_sending",
    ),
    # Two pollers can never deliver to one order: the database refuses the second.
    sa.Index(
        "uq_updates_active",
        "store_id",
        "target",
        "subject",
        unique=True,
        postgresql_where=sa.text("active"),
    ),
    # Open rows only, so that a claim costs the same after a million finished ones; by what decides
    # the endpoint that is called first, so that a paused endpoint costs nothing.
    sa.Index(
        "ix_updates_lane",
        "store_id",
        "kind",
        "ambiguous",
        "urgent",
        "due_at",
        "id",
        postgresql_where=sa.text("active AND state IN ('pending', 'retrying', 'verifying')"),
    ),
    sa.Index("ix_updates_leased", "leased_until", postgresql_where=sa.text("state = 'sending'")),
    sa.Index("ix_updates_order", "store_id", "order_id", "sequence"),
    sa.Index("ix_updates_created", "store_id", "created_at", "id"),
    # Lists of a state or kind, even a rare one; and the figures of open updates.
    sa.Index("ix_updates_state", "store_id", "state", "kind", "created_at", "id"),
    # Failed updates, the most frequent list of all stores.
    sa.Index(
        "ix_updates_failed",
        "store_id",
        "created_at",
        "id",
        postgresql_where=sa.text("state = 'failed'"),
    ),
    # Updates at rest that are in doubt, which are read once more.
    sa.Index(
        "ix_updates_in_doubt",
        "in_doubt_until",
        postgresql_where=sa.text("in_doubt_until IS NOT NULL"),
    ),
    # The longest at rest is archived first.
    sa.Index(
        "ix_updates_finished_at",
        "finished_at",
        postgresql_where=sa.text("state IN ('confirmed', 'dismissed')"),
    ),
    postgresql_with={"fillfactor": "70"},
)

sa.Index(
    "ix_updates_error",
    updates.c.store_id,
    updates.c.last_error["code"].astext,
    updates.c.state,
    updates.c.kind,
    updates.c.created_at,
    updates.c.id,
    postgresql_where=sa.text("last_error IS NOT NULL"),
)

# Failed updates by their cause (queries/attention_groups.py), as PostgreSQL writes expressions.
FAILED_CODE = "COALESCE(last_error ->> 'code', '')"
FAILED_VALUE = (
    "COALESCE(\nCASE\n"
    "    WHEN (last_error ->> 'code') = 'method_code_not_supported' "
    "THEN payload ->> 'method_code'\n"
    "    WHEN (last_error ->> 'code') = ANY (ARRAY['carrier_not_supported', "
    "'tracking_url_required', 'tracking_number_refused']) "
    "THEN COALESCE((payload -> 'carrier') ->> 'carrier', (payload -> 'carrier') ->> 'other')\n"
    "    ELSE NULL\nEND, '')"
)
FAILED_EXPECTED = (
    "COALESCE(\nCASE\n"
    "    WHEN (last_error ->> 'code') = ANY (ARRAY['carrier_not_supported', "
    "'tracking_url_required', 'tracking_number_refused', 'method_code_not_supported']) "
    "THEN (last_error -> 'params') ->> 'expected'\n"
    "    ELSE NULL\nEND, '')"
)
sa.Index(
    "ix_updates_failed_fixes",
    updates.c.store_id,
    updates.c.kind,
    sa.text(FAILED_CODE),
    sa.text(FAILED_VALUE),
    sa.text(FAILED_EXPECTED),
    updates.c.created_at,
    updates.c.id,
    postgresql_where=sa.text("state = 'failed'"),
)

# What an order still needs of updates that are long at rest; append-only.
archived_updates = sa.Table(
    "archived_updates",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    # The parts that recognise it at Walmart.
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("ambiguous", sa.Boolean, nullable=False),
    sa.Column("dismissed_by", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("requested_by", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("traceparent", sa.Text),
    time("created_at", nullable=False),
    time("updated_at", nullable=False),
    time("finished_at", nullable=False),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.CheckConstraint("state IN ('confirmed', 'dismissed')", name="at_rest"),
    sa.Index("ix_archived_updates_order", "store_id", "order_id"),
    # Stock levels that Commerce gave, to decide whether a newer value is known.
    sa.Index(
        "ix_archived_updates_stock",
        "store_id",
        "subject",
        postgresql_where=sa.text("kind = 'inventory'"),
    ),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("update_id", UUID(as_uuid=True), nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("poller", sa.Text, nullable=False),
    time("started_at", nullable=False),
    time("ended_at", nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    # Each call of this attempt: the request (redacted) and the response.
    sa.Column("calls", JSONB, nullable=False, server_default=EMPTY_LIST),
    # Of its update's request; traceparent is of the delivery where that is traced.
    sa.Column("request_id", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.Index("ix_attempts_update", "store_id", "update_id", "number"),
    sa.Index("ix_attempts_order", "store_id", "order_id"),
    # The oldest is deleted first.
    sa.Index("ix_attempts_ended_at", "ended_at"),
)
