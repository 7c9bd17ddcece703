"""Indexes for lists of what is rare among much: made beside the traffic.

None has an entry of an accepted shipment, so accepting pays for none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611240360"
down_revision: str | None = "202611240350"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make each of the three."""
    with op.get_context().autocommit_block():
        _make(
            "ix_orders_status_updated_at",
            "orders",
            ["store_id", "status", "updated_at", "id"],
            "status <> 'open'",
        )
        _make(
            "ix_updates_code",
            "updates",
            ["store_id", sa.text("(last_error ->> 'code')"), "created_at", "id"],
            "last_error IS NOT NULL",
        )
        _make(
            "ix_updates_rare_kinds",
            "updates",
            ["store_id", "kind", "created_at", "id"],
            "kind NOT IN ('shipment', 'acknowledgement')",
        )


def _make(name: str, table: str, columns: list[str | sa.TextClause], where: str) -> None:
    # What a try left behind that broke off is invalid and would never be used.
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    op.create_index(
        name,
        table,
        columns,
        if_not_exists=True,
        postgresql_concurrently=True,
        postgresql_where=sa.text(where),
    )
