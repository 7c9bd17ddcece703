"""Index updates at rest by when they finished, beside the traffic: the oldest are archived."""

from alembic import op

from migrations import concurrently

revision = "202611250101"
down_revision: str | None = "202611250100"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_updates_finished_at",
            "updates",
            ["finished_at"],
            where="state IN ('confirmed', 'dismissed')",
        )
