"""Let the pollers of a cluster take turns to ask all shards."""

import sqlalchemy as sa
from alembic import op

# squawk: prefer-bigint-over-int: the number of a store has 32 bits in every table

revision = "202612010013"
down_revision: str | None = "202611302215"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create the table. One server has no rows in it."""
    op.create_table(
        "survey_slots",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "kind", name="pk_survey_slots"),
    )
