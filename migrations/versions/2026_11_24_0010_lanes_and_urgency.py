"""Lanes know Walmart's buckets and whether they are broken; updates and orders know urgency."""
# squawk: prefer-bigint-over-int: counts of calls stay far below 2,147,483,647

import sqlalchemy as sa
from alembic import op

revision = "202611240010"
down_revision: str | None = "202611231200"
branch_labels: str | None = None
depends_on: str | None = None

# As in app/domain/outbox/rate_limits.py when this was written; a missing lane is a fresh one.
_LANES = """
    INSERT INTO lanes (store_id, endpoint, paused_until, reason)
    SELECT s.store_id, e.endpoint, '-infinity', ''
      FROM stores s CROSS JOIN unnest(ARRAY[
           '*', 'read_order', 'acknowledge', 'ship', 'cancel', 'refund', 'inventory'])
           AS e(endpoint)
        ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Add columns that are nullable or have a constant default: no table is rewritten."""
    op.add_column("lanes", sa.Column("tokens", sa.Integer()))
    op.add_column("lanes", sa.Column("replenish_at", sa.DateTime(timezone=True)))
    op.add_column("lanes", sa.Column("seen_at", sa.DateTime(timezone=True)))
    op.add_column(
        "lanes", sa.Column("answered", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("lanes", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "updates", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("orders", sa.Column("ship_by_warned_at", sa.DateTime(timezone=True)))
    # Until now a lane was called after the kind of its updates; such pauses were short.
    op.execute("DELETE FROM lanes WHERE endpoint <> '*'")
    op.execute(_LANES)
