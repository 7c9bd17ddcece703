"""Answers that are stored under an Idempotency-Key."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from app.storage.tables.base import EMPTY_OBJECT, metadata, time

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    # 0 for a request that belongs to no store yet.
    sa.Column("store_id", sa.Integer, nullable=False),
    sa.Column("api_key", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("headers", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("body", BYTEA, nullable=False),
    time("created_at", default=True),
    sa.PrimaryKeyConstraint("store_id", "api_key", "method", "path", "key"),
    sa.Index("ix_idempotency_keys_created_at", "created_at"),
)
