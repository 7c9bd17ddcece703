"""How many orders there are: kept by triggers of the table orders (migration 202611240340)."""

import sqlalchemy as sa

from app.storage.tables.base import metadata

order_counts = sa.Table(
    "order_counts",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "status"),
)

# What was not added to the counts yet; the truth is the sum of both.
order_count_changes = sa.Table(
    "order_count_changes",
    metadata,
    sa.Column("store_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "id"),
)
