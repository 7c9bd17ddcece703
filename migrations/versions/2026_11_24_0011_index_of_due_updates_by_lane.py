"""Index due updates by the lane they take, made beside the traffic."""

import sqlalchemy as sa
from alembic import op

revision = "202611240011"
down_revision: str | None = "202611240010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index that claiming looks into from this version on."""
    with op.get_context().autocommit_block():
        # What a try left behind that broke off is invalid and would never be used.
        op.drop_index("ix_updates_lane", "updates", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_updates_lane",
            "updates",
            ["store_id", "kind", "ambiguous", "urgent", "due_at", "id"],
            postgresql_where=sa.text("active AND state IN ('pending', 'retrying', 'verifying')"),
            if_not_exists=True,
            postgresql_concurrently=True,
        )
