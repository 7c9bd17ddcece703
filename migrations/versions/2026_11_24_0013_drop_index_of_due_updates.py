"""Drop the index that claiming looked into before; pollers of the old version only get slower."""

from alembic import op

revision = "202611240013"
down_revision: str | None = "202611240012"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Drop it beside the traffic."""
    with op.get_context().autocommit_block():
        op.drop_index("ix_updates_due", "updates", if_exists=True, postgresql_concurrently=True)
