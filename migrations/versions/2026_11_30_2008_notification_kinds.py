"""Kinds of notifications that a store chooses, messages that are kept, an old secret that signs."""
# squawk: prefer-bigint-over-int: store_id is the 32 bits of the table stores

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611302008"
down_revision: str | None = "202611301640"
branch_labels: str | None = None
depends_on: str | None = None

# A lane that a person has to unblock is an error, or a kind of its own where the store wants it.
_FUNCTION = """
CREATE OR REPLACE FUNCTION tell_of_error(
  of_store integer, of_what text, of_kind text, of_code text, of_about uuid)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO notifications (store_id, what, kind, code, about)
  SELECT s.store_id, w.what, of_kind, coalesce(of_code, 'unknown'), of_about
    FROM stores s
   CROSS JOIN LATERAL (
         SELECT CASE WHEN of_what = 'lane' AND 'credentials_rejected' = ANY (s.notify_kinds)
                     THEN 'credentials_rejected' ELSE of_what END AS what) w
   WHERE s.store_id = of_store AND s.notify_url IS NOT NULL
     AND (w.what = 'credentials_rejected' OR 'errors' = ANY (s.notify_kinds))
$$
"""


def upgrade() -> None:
    """Add columns with constant defaults and a table; stores keep the kinds of before."""
    kinds = postgresql.ARRAY(sa.Text())
    op.add_column(
        "stores",
        sa.Column(
            "notify_kinds", kinds, server_default=sa.text("'{errors}'::text[]"), nullable=False
        ),
    )
    op.add_column("stores", sa.Column("notify_old_secret", sa.LargeBinary(), nullable=True))
    op.add_column(
        "stores",
        sa.Column("notify_old_secret_until", sa.DateTime(timezone=True), nullable=True),
    )
    op.add_column("notifications", sa.Column("detail", postgresql.JSONB(), nullable=True))
    op.create_table(
        "notification_messages",
        sa.Column("store_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_notification_messages")),
    )
    op.create_index(
        "ix_notification_messages_waiting",
        "notification_messages",
        ["store_id", "kind"],
        unique=True,
        postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
    )
    op.create_index("ix_notification_messages_created_at", "notification_messages", ["created_at"])
    op.execute(_FUNCTION)
