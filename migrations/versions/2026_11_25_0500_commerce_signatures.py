"""By which keys Commerce's webhooks are verified, and for whom Adobe's events are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611250500"
down_revision: str | None = "202611250400"
branch_labels: str | None = None
depends_on: str | None = None

_EMPTY = sa.text("'[]'::jsonb")


def upgrade() -> None:
    """Add two columns that are empty at first, without rewriting the table."""
    for name in ("commerce_webhook_public_keys", "commerce_io_client_ids"):
        op.add_column(
            "stores",
            sa.Column(
                name,
                postgresql.JSONB(astext_type=sa.Text()),
                server_default=_EMPTY,
                nullable=False,
            ),
        )
