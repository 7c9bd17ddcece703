"""What is left of a lane's own cap, and since when."""

import sqlalchemy as sa
from alembic import op

revision = "202611250700"
down_revision: str | None = "202611250600"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add two columns that are empty until a cap is set, without rewriting the table."""
    op.add_column("lanes", sa.Column("own_tokens", sa.Float(), nullable=True))
    op.add_column("lanes", sa.Column("own_at", sa.DateTime(timezone=True), nullable=True))
