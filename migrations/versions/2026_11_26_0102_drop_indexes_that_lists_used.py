"""Drop what the new indexes of lists stand for; made and dropped beside the traffic.

Until it is replaced, the version before reads such lists by other indexes, only more slowly.
"""

from alembic import op

from migrations import concurrently

revision = "202611260102"
down_revision: str | None = "202611260101"
branch_labels: str | None = None
depends_on: str | None = None

_REPLACED = {
    "ix_orders_purchase_order_id_begins": "orders",
    "ix_orders_without_commerce": "orders",
    "ix_orders_status_updated_at": "orders",
    "ix_orders_ship_by": "orders",
    "ix_updates_unfinished": "updates",
    "ix_updates_rare_kinds": "updates",
    "ix_updates_code": "updates",
    "ix_returns_requested_at": "returns",
}


def upgrade() -> None:
    """Drop each."""
    with op.get_context().autocommit_block():
        for name, table in _REPLACED.items():
            concurrently.drop(name, table)
