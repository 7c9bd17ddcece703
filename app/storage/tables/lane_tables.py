"""Lanes (rate limits and circuit breakers) and reconciliations of stores."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables.base import EMPTY_LIST, EMPTY_OBJECT, metadata, time

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # The Walmart operation, or "*" for all calls of the store.
    sa.Column("endpoint", sa.Text, nullable=False),
    # In the past while it is open.
    time("paused_until", nullable=False),
    # Why it is paused, or was last; empty if calls succeed.
    sa.Column("reason", sa.Text, nullable=False),
    time("since", default=True),
    # Calls left by Walmart's last header, and when the next one is added; NULL if Walmart's answers
    # do not say.
    sa.Column("tokens", sa.Integer),
    time("replenish_at"),
    # When that answer arrived.
    time("seen_at"),
    # Whether Walmart has ever answered here; until then few calls go out at once.
    sa.Column("answered", sa.Boolean, nullable=False, server_default=sa.text("false")),
    # Calls in a row without a proper answer. From BREAK_AFTER (domain/outbox/rate_limits.py) on the
    # circuit is open, and after each pause a single call probes it.
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    # Calls left of our own cap (WAYBILL_WALMART_RATES), and when that was computed.
    sa.Column("own_tokens", sa.Float),
    time("own_at"),
    # The count of claims of the store, on its lane for all calls ("*").
    sa.Column("claims", sa.BigInteger, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id", "endpoint"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
    postgresql_with={"fillfactor": "50"},
)

reconciliations = sa.Table(
    "reconciliations",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    time("started_at", default=True),
    # The lease of a run.
    time("leased_until"),
    time("finished_at"),
    sa.Column("orders", sa.Integer, nullable=False, server_default="0"),
    sa.Column("repaired", sa.Integer, nullable=False, server_default="0"),
    # Findings that a person has to look at, by cause.
    sa.Column("drift", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    # The first of these findings: number, order_id, cause, line_number and message.
    sa.Column("findings", JSONB, nullable=False, server_default=EMPTY_LIST),
    sa.Column("stopped", sa.Text),
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)
