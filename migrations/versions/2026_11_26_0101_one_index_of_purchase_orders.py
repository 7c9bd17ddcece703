"""The unique index that the revision before made stands for the constraint.

ON CONFLICT (store_id, purchase_order_id), as the version before says too, takes either.
"""

from alembic import op

# squawk: ban-drop-constraint: a unique index guarantees the same; clients never see it

revision = "202611260101"
down_revision: str | None = "202611260100"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Drop the constraint with its index; the table is locked for a moment."""
    op.drop_constraint("uq_orders_store_id_purchase_order_id", "orders", type_="unique")
