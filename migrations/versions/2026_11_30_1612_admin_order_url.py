"""Add the address of an order in a store's Commerce Admin."""

import sqlalchemy as sa
from alembic import op

revision = "202611301612"
down_revision: str | None = "202611301611"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column. NULL means that orders have no link to Commerce's Admin."""
    op.add_column("stores", sa.Column("admin_order_url", sa.Text))
