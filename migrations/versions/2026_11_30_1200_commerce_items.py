"""Add the items of composite products: those of a line, and those that a shipment contains.

NULL means none. A version before this one reads and writes neither column.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611301200"
down_revision: str | None = "202611300900"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns."""
    for table in ("order_lines", "shipments"):
        op.add_column(table, sa.Column("commerce_items", postgresql.JSONB(), nullable=True))
