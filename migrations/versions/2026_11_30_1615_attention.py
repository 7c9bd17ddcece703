"""Index what needs action by its cause, and keep the findings of a reconciliation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations import concurrently

revision = "202611301615"
down_revision: str | None = "202611301614"
branch_labels: str | None = None
depends_on: str | None = None

_ARRIVED = "arrived_at IS NOT NULL AND NOT refunded AND NOT closed"
_OPEN = "fulfillment_status IN ('open', 'partially_shipped')"
_FAILED_VALUE = (
    "COALESCE(\nCASE\n"
    "    WHEN (last_error ->> 'code') = 'method_code_not_supported' "
    "THEN payload ->> 'method_code'\n"
    "    WHEN (last_error ->> 'code') = ANY (ARRAY['carrier_not_supported', "
    "'tracking_url_required', 'tracking_number_refused']) "
    "THEN COALESCE((payload -> 'carrier') ->> 'carrier', (payload -> 'carrier') ->> 'other')\n"
    "    ELSE NULL\nEND, '')"
)
_REFUSED_VALUE = (
    "COALESCE(\nCASE\n    WHEN code = 'tracking_url_required' THEN\n    CASE\n"
    "        WHEN lower(((told -> 'tracks') -> 0) ->> 'carrier_code') = 'custom' "
    "THEN COALESCE(((told -> 'tracks') -> 0) ->> 'title', 'custom')\n"
    "        ELSE ((told -> 'tracks') -> 0) ->> 'carrier_code'\n    END\n"
    "    ELSE NULL\nEND, '')"
)


def upgrade() -> None:
    """Add the column, then make the indexes."""
    findings = sa.Column("findings", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb"))
    op.add_column("reconciliations", findings, if_not_exists=True)
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_updates_failed_causes",
            "updates",
            [
                "store_id",
                "kind",
                sa.text("coalesce(last_error ->> 'code', '')"),
                sa.text(_FAILED_VALUE),
                "created_at",
                "id",
            ],
            where="state = 'failed'",
        )
        concurrently.make(
            "ix_commerce_events_refused_causes",
            "commerce_events",
            [
                "store_id",
                "about",
                sa.text("coalesce(code, '')"),
                sa.text(_REFUSED_VALUE),
                "received_at",
                "id",
            ],
            where="state = 'refused'",
        )
        for name, table, key, where in (
            ("ix_returns_arrived", "returns", "arrived_at", _ARRIVED),
            ("ix_orders_warned", "orders", "ship_by", f"{_OPEN} AND ship_by_warned_at IS NOT NULL"),
            (
                "ix_orders_cancel_requested",
                "orders",
                "created_at",
                f"{_OPEN} AND cancel_requested IS NOT NULL",
            ),
            ("ix_orders_unreadable", "orders", "created_at", "import_error IS NOT NULL"),
        ):
            concurrently.make(name, table, ["store_id", key, "id"], where=where)
