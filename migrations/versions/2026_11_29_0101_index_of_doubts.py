"""Index updates at rest that are in doubt, beside the traffic: each is read again."""

from alembic import op

from migrations import concurrently

revision = "202611290101"
down_revision: str | None = "202611290100"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_updates_in_doubt",
            "updates",
            ["in_doubt_until"],
            where="in_doubt_until IS NOT NULL",
        )
