"""Index tries by when they ended, made beside the traffic: retention deletes the oldest."""

from alembic import op

revision = "202611240300"
down_revision: str | None = "202611240200"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        # What a try left behind that broke off is invalid and would never be used.
        op.drop_index(
            "ix_attempts_ended_at", "attempts", if_exists=True, postgresql_concurrently=True
        )
        op.create_index(
            "ix_attempts_ended_at",
            "attempts",
            ["ended_at"],
            if_not_exists=True,
            postgresql_concurrently=True,
        )
