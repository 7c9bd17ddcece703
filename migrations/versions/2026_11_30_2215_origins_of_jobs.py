"""Keep the request that made a job with it, for the audit of its acts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "202611302215"
down_revision: str | None = "202611302040"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column, which is NULL for what is there: no row is written."""
    op.add_column("jobs", sa.Column("origin", JSONB(), nullable=True))
