"""Sessions of people on the page, and the one-time links by which they sign in."""

# squawk: prefer-bigint-over-int: the number of a store has 32 bits in every table
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA, UUID

revision = "202611301614"
down_revision: str | None = "202611301613"
branch_labels: str | None = None
depends_on: str | None = None


def _access() -> list[sa.Column[object]]:
    return [
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_id", UUID(as_uuid=True), nullable=True),
        sa.Column("key_name", sa.Text(), nullable=False),
        sa.Column("admin_hash", BYTEA(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        _time("created_at", default=True),
    ]


def _time(name: str, *, default: bool = False) -> sa.Column[object]:
    now = sa.text("now()") if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False)


def upgrade() -> None:
    """Create both tables, which are empty, with their indexes."""
    op.create_table(
        "sessions",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("id", UUID(as_uuid=True), nullable=False),
        sa.Column("secret_hash", BYTEA(), nullable=False),
        *_access(),
        _time("last_seen_at", default=True),
        _time("ends_at"),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_sessions")),
        sa.UniqueConstraint(
            "store_id", "secret_hash", name=op.f("uq_sessions_store_id_secret_hash")
        ),
    )
    op.create_index("ix_sessions_ends_at", "sessions", ["ends_at"])
    op.create_table(
        "sign_in_links",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", BYTEA(), nullable=False),
        *_access(),
        sa.Column("path", sa.Text(), nullable=False),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("store_id", "secret_hash", name=op.f("pk_sign_in_links")),
    )
    op.create_index("ix_sign_in_links_expires_at", "sign_in_links", ["expires_at"])
