"""Sync health: how updates were delivered, summed up by store, kind and five minutes."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from app.storage.tables.base import metadata, time


def _sums() -> list[sa.Column[Any]]:
    return [
        sa.Column("kind", sa.Text, nullable=False),
        # Updates that were confirmed, by the first try and by a later one, and that failed.
        sa.Column("first_try", sa.Integer, nullable=False),
        sa.Column("after_retry", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        # Confirmed updates by bucket of the seconds since acceptance (domain/outbox/lag.py).
        sa.Column("lags", ARRAY(sa.Integer), nullable=False),
    ]


delivery_rollups = sa.Table(
    "delivery_rollups",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    # The start of the five minutes.
    time("starts_at", nullable=False),
    *_sums(),
    sa.PrimaryKeyConstraint("store_id", "starts_at", "kind"),
    sa.Index("ix_delivery_rollups_starts_at", "starts_at"),
)

# The same sums by longer steps, for long spans.
delivery_rollup_steps = sa.Table(
    "delivery_rollup_steps",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    # The length of the step: one of lag.STEPS. 0: of what is not final, by five minutes.
    sa.Column("minutes", sa.Integer, nullable=False),
    time("starts_at", nullable=False),
    *_sums(),
    sa.PrimaryKeyConstraint("store_id", "minutes", "starts_at", "kind"),
    sa.Index("ix_delivery_rollup_steps_minutes_starts_at", "minutes", "starts_at"),
)

# Up to where the attempts of a store are summed up.
delivery_rollup_cursors = sa.Table(
    "delivery_rollup_cursors",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    # The smallest id that an attempt after the last five minutes can have.
    sa.Column("next_id", UUID(as_uuid=True), nullable=False),
    # When the attempts from there on were summed up last, which are not final.
    time("previewed_at"),
    sa.PrimaryKeyConstraint("store_id"),
)
