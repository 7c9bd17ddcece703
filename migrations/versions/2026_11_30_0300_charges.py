"""What order lines cost beside their units, and what Walmart's chargeAmount is for.

A null is written for no row; a version before this one reads and writes neither column.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611300300"
down_revision: str | None = "202611290101"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("order_lines", sa.Column("other_charges", sa.Numeric(18, 4), nullable=True))
    op.add_column(
        "stores",
        sa.Column("charge_amount_is", sa.Text(), nullable=False, server_default="unit"),
    )
