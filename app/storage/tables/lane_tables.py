"""How a store stands with Walmart: its lanes, and when it was last compared."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables.base import EMPTY_OBJECT, metadata, time

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False),
    # The Walmart operation, or "*" for every one of the store's.
    sa.Column("endpoint", sa.Text, nullable=False),
    # In the past while it is open.
    time("paused_until", nullable=False),
    # Why it stands still, or did last; empty while all is well.
    sa.Column("reason", sa.Text, nullable=False),
    time("since", default=True),
    # Calls left by Walmart's last header, and when it said that one more comes; null where
    # Walmart's answers do not say.
    sa.Column("tokens", sa.Integer),
    time("replenish_at"),
    # When the answer came that the count is from.
    time("seen_at"),
    # Whether Walmart has ever answered here; until then few calls go out at once.
    sa.Column("answered", sa.Boolean, nullable=False, server_default=sa.text("false")),
    # Calls in a row without a proper answer; from BREAK_AFTER (domain/outbox/rate_limits.py) on the
    # lane is broken, and after each pause a single call tries whether it works again.
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    # What was left of our own cap (WAYBILL_WALMART_RATES), and when.
    sa.Column("own_tokens", sa.Float),
    time("own_at"),
    # How often the store's updates were claimed, counted on its lane to all of Walmart ("*").
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
    # While somebody is at it.
    time("leased_until"),
    time("finished_at"),
    sa.Column("orders", sa.Integer, nullable=False, server_default="0"),
    sa.Column("repaired", sa.Integer, nullable=False, server_default="0"),
    # What was left to a person, by cause.
    sa.Column("drift", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("stopped", sa.Text),
    sa.PrimaryKeyConstraint("store_id"),
    sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
)
