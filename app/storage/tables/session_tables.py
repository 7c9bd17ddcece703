"""People who are signed in to the page, and the links by which they sign in."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, UUID

from app.storage.tables.base import metadata, time


def _access() -> list[sa.Column[object]]:
    """What a session may do, and the API key with which it ends."""
    return [
        # The person, for the timeline.
        sa.Column("name", sa.Text, nullable=False),
        # NULL for the admin key of the settings, and for the command line.
        sa.Column("key_id", UUID(as_uuid=True)),
        sa.Column("key_name", sa.Text, nullable=False),
        # Digest of the admin key of the settings, which made it.
        sa.Column("admin_hash", BYTEA),
        sa.Column("scope", sa.Text, nullable=False),
        time("created_at", default=True),
    ]


sessions = sa.Table(
    "sessions",
    metadata,
    # 0 for a session of every store.
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("secret_hash", BYTEA, nullable=False),
    *_access(),
    time("last_seen_at", default=True),
    time("ends_at", nullable=False),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.UniqueConstraint("store_id", "secret_hash"),
    sa.Index("ix_sessions_ends_at", "ends_at"),
)

sign_in_links = sa.Table(
    "sign_in_links",
    metadata,
    # 0 for a link to every store.
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("secret_hash", BYTEA, nullable=False),
    *_access(),
    # The page that it opens.
    sa.Column("path", sa.Text, nullable=False),
    time("expires_at", nullable=False),
    sa.PrimaryKeyConstraint("store_id", "secret_hash"),
    sa.Index("ix_sign_in_links_expires_at", "expires_at"),
)
