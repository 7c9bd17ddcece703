"""How often a store's updates were claimed: a claim goes by what was looked at before it."""

import sqlalchemy as sa
from alembic import op

revision = "202611260600"
down_revision: str | None = "202611260501"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add a column with a default that no row is written for."""
    op.add_column("lanes", sa.Column("claims", sa.BigInteger(), nullable=False, server_default="0"))
