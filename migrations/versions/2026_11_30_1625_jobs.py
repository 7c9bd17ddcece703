"""Jobs: one act on all that a filter finds."""

# squawk: prefer-bigint-over-int: the number of a store has 32 bits in every table
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "202611301625"
down_revision: str | None = "202611301615"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create the table, which is empty, with its indexes."""
    zero = sa.text("'0'")
    op.create_table(
        "jobs",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", UUID(as_uuid=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("selection", JSONB(), nullable=False),
        sa.Column("options", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), server_default=zero, nullable=False)
            for name in ("done", "succeeded", "refused", "skipped")
        ),
        sa.Column("results", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("batch", JSONB(), nullable=True),
        sa.Column("position", JSONB(), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        _time("due_at", default=True),
        sa.Column("lease_token", UUID(as_uuid=True), nullable=True),
        _time("leased_until"),
        _time("created_at", default=True),
        _time("updated_at", default=True),
        _time("started_at"),
        _time("finished_at"),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_jobs")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'finished', 'failed')", name=op.f("ck_jobs_state")
        ),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["due_at"],
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"])


def _time(name: str, *, default: bool = False) -> sa.Column[object]:
    return sa.Column(
        name,
        postgresql.TIMESTAMP(timezone=True),
        server_default=sa.text("now()") if default else None,
        nullable=not default,
    )
