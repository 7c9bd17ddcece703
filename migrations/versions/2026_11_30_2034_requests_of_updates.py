"""Keep the request that asked for it with each update, its attempts, and events of Commerce."""

import sqlalchemy as sa
from alembic import op

revision = "202611302034"
down_revision: str | None = "202611302027"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns, which are NULL for what is there: no row is written."""
    for table in ("updates", "archived_updates", "attempts", "commerce_events"):
        op.add_column(table, sa.Column("request_id", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("traceparent", sa.Text(), nullable=True))
