"""Where each of a store's lists was read to, what is to be read again, and who was to announce."""
# squawk: prefer-bigint-over-int: a store's number and counts of one list, which stay small

import sqlalchemy as sa
from alembic import op

revision = "202611260300"
down_revision: str | None = "202611260200"
branch_labels: str | None = None
depends_on: str | None = None

_NOW = sa.text("now()")


def upgrade() -> None:
    """Create three tables, and add two columns that are empty at first."""
    op.add_column("imports", sa.Column("resume_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stores", sa.Column("webhooks_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE stores SET webhooks_since = now() WHERE webhook_secret IS NOT NULL")
    op.create_table(
        "import_places",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("read_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("page_size", sa.Integer(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stopped", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.store_id"], name=op.f("fk_import_places_store_id")
        ),
        sa.PrimaryKeyConstraint("store_id", "list", name=op.f("pk_import_places")),
    )
    op.create_table(
        "import_retries",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("purchase_order_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.store_id"], name=op.f("fk_import_retries_store_id")
        ),
        sa.PrimaryKeyConstraint("store_id", "purchase_order_id", name=op.f("pk_import_retries")),
    )
    op.create_table(
        "webhooks_expected",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["store_id"], ["stores.store_id"], name=op.f("fk_webhooks_expected_store_id")
        ),
        sa.PrimaryKeyConstraint("store_id", "number", name=op.f("pk_webhooks_expected")),
    )
