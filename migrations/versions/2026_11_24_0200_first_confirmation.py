"""When Walmart first confirmed units of a shipment: corrections of tracking are timed from it."""

import sqlalchemy as sa
from alembic import op

revision = "202611240200"
down_revision: str | None = "202611240014"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column, and fill it where the shipment's update tells; there is no downgrade."""
    op.add_column(
        "shipments", sa.Column("first_confirmed_at", sa.DateTime(timezone=True), nullable=True)
    )
    # A shipment confirmed in part only has no time of its own: its last change is the latest
    # that it can be.
    op.execute("""
        UPDATE shipments s SET first_confirmed_at = coalesce(u.finished_at, u.updated_at)
          FROM updates u
         WHERE u.store_id = s.store_id AND u.id = s.update_id
           AND jsonb_path_exists(s.items, '$[*] ? (@.confirmed > 0)')
    """)
