"""The audit: one row for each act of a person or a key that changes what others rely on."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.tables.base import EMPTY_OBJECT, metadata, time

# Rows are only added; retention alone deletes them.
audit = sa.Table(
    "audit",
    metadata,
    # 0 for an act that belongs to no store.
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    time("at", default=True),
    # One of `app/domain/audited_act.py`.
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    # The id of the API key, "admin" for the bootstrap key. NULL: a command on the server.
    sa.Column("api_key", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("before", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("after", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.PrimaryKeyConstraint("store_id", "id"),
    sa.Index("ix_audit_store", "store_id", "at", "id"),
    sa.Index("ix_audit_at", "at", "id"),
    sa.Index("ix_audit_actor", "actor", "at", "id"),
    sa.Index("ix_audit_what", "what", "at", "id"),
)
