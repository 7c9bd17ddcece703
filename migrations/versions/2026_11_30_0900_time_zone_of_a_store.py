"""Add the time zone of a store, for dates and times without a zone in its files."""

import sqlalchemy as sa
from alembic import op

revision = "202611300900"
down_revision: str | None = "202611300300"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column. NULL means the zone of the store's market."""
    op.add_column("stores", sa.Column("time_zone", sa.Text))
