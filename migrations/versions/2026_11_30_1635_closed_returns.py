"""Index closed returns, which are counted on the page of returns."""

from alembic import op

from migrations import concurrently

revision = "202611301635"
down_revision: str | None = "202611301630"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        concurrently.make(
            "ix_returns_closed",
            "returns",
            ["store_id", "id"],
            where="closed AND NOT refunded",
        )
