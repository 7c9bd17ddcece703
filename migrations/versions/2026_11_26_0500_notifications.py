"""Errors that a store's people are told of, written by whoever writes the error."""
# squawk: prefer-bigint-over-int: store_id is the 32 bits of the table stores

import sqlalchemy as sa
from alembic import op

revision = "202611260500"
down_revision: str | None = "202611260402"
branch_labels: str | None = None
depends_on: str | None = None

# Whoever writes an error, an older version too, leaves it here in the same transaction: rows of
# its own, so that nobody waits for anybody. A store that wants none costs one look at its row.
_TELL = """
CREATE FUNCTION tell_of_error(
  of_store integer, of_what text, of_kind text, of_code text, of_about uuid)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO notifications (store_id, what, kind, code, about)
  SELECT s.store_id, of_what, of_kind, coalesce(of_code, 'unknown'), of_about
    FROM stores s WHERE s.store_id = of_store AND s.notify_url IS NOT NULL
$$
"""
_FUNCTIONS = (
    """
CREATE FUNCTION tell_of_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_of_error(NEW.store_id, 'update', NEW.kind, NEW.last_error->>'code', NEW.id);
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION tell_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_of_error(NEW.store_id, 'order', 'import', NEW.import_error->>'code', NEW.id);
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION tell_of_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_of_error(NEW.store_id, 'lane', NEW.endpoint, NEW.reason, NULL);
  RETURN NULL;
END $$
""",
)
# A retry that Waybill makes by itself does not come past failed, so it tells nobody again.
_TRIGGERS = (
    """
CREATE TRIGGER updates_told AFTER UPDATE OF state ON updates FOR EACH ROW
WHEN (NEW.state = 'failed' AND OLD.state <> 'failed') EXECUTE FUNCTION tell_of_update()
""",
    """
CREATE TRIGGER orders_told AFTER INSERT ON orders FOR EACH ROW
WHEN (NEW.import_error IS NOT NULL) EXECUTE FUNCTION tell_of_order()
""",
    """
CREATE TRIGGER orders_told_later AFTER UPDATE OF import_error ON orders FOR EACH ROW
WHEN (NEW.import_error IS NOT NULL AND OLD.import_error IS NULL) EXECUTE FUNCTION tell_of_order()
""",
    """
CREATE TRIGGER lanes_told AFTER UPDATE OF reason ON lanes FOR EACH ROW
WHEN (NEW.reason <> OLD.reason AND NEW.reason IN ('credentials_rejected',
      'walmart_access_denied', 'secret_unreadable', 'commerce_credentials_rejected',
      'commerce_access_denied')) EXECUTE FUNCTION tell_of_lane()
""",
)


def upgrade() -> None:
    """Make two tables, and the triggers, which wait for no more than open writes."""
    for name, kind in (
        ("url", sa.LargeBinary()),
        ("host", sa.Text()),
        ("secret", sa.LargeBinary()),
    ):
        op.add_column("stores", sa.Column(f"notify_{name}", kind, nullable=True))
    op.create_table(
        "notifications",
        sa.Column("store_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("about", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_notifications")),
    )
    op.create_table(
        "notification_queues",
        sa.Column("store_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("given_up", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_notification_queues")),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.store_id"], name=op.f("fk_notification_queues_store_id")
        ),
    )
    op.execute(_TELL)
    for statement in (*_FUNCTIONS, *_TRIGGERS):
        op.execute(statement)
