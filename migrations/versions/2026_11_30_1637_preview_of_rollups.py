"""Note when the deliveries of a store that are not final yet were summed up last."""

import sqlalchemy as sa
from alembic import op

revision = "202611301637"
down_revision: str | None = "202611301635"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column. NULL means that they were not."""
    op.add_column(
        "delivery_rollup_cursors",
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=True),
    )
