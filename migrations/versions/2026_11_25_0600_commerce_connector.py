"""Whether a store's orders are created in its Commerce, and whose stock is read there."""
# squawk: prefer-bigint-over-int: a stock's number, as Commerce has it

import sqlalchemy as sa
from alembic import op

revision = "202611250600"
down_revision: str | None = "202611250500"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add columns that say no at first, without rewriting the table."""
    op.add_column(
        "stores",
        sa.Column(
            "commerce_push_orders", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.add_column("stores", sa.Column("commerce_payment_method", sa.Text(), nullable=True))
    op.add_column("stores", sa.Column("commerce_stock_id", sa.Integer(), nullable=True))
    # One lane for each store, which pollers hold while they count what is under way.
    op.execute(
        "INSERT INTO lanes (store_id, endpoint, paused_until, reason) "
        "SELECT store_id, 'commerce', '-infinity', '' FROM stores ON CONFLICT DO NOTHING"
    )
