"""A seller account and a name belong to one store; those that share one already may go on."""
# squawk: require-concurrent-index-creation: there are few stores; no duplicate may slip in between

import sqlalchemy as sa
from alembic import op

revision = "202611260302"
down_revision: str | None = "202611260301"
branch_labels: str | None = None
depends_on: str | None = None

_SHARED = """
    UPDATE stores s SET {column} = true
     WHERE EXISTS (SELECT FROM stores o WHERE o.store_id < s.store_id AND {same})
"""


def upgrade() -> None:
    """Mark what is shared, then let nothing more be: in one transaction, against new duplicates.

    The oldest store keeps its claim. There are few stores, and nobody may add one meanwhile.
    """
    off = sa.text("false")
    for column in ("account_shared", "name_shared"):
        op.add_column("stores", sa.Column(column, sa.Boolean(), server_default=off, nullable=False))
    op.execute("LOCK TABLE stores IN SHARE ROW EXCLUSIVE MODE")
    same = "o.market = s.market AND o.walmart_client_id = s.walmart_client_id"
    op.execute(_SHARED.format(column="account_shared", same=same))
    op.execute(_SHARED.format(column="name_shared", same="lower(o.name) = lower(s.name)"))
    # mutation: unique-walmart-account
    op.create_index(
        "uq_stores_account",
        "stores",
        ["market", "walmart_client_id"],
        unique=True,
        postgresql_where=sa.text("NOT account_shared"),
    )
    op.create_index(
        "uq_stores_name",
        "stores",
        [sa.text("lower(name)")],
        unique=True,
        postgresql_where=sa.text("NOT name_shared"),
    )
