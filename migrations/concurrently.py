"""Indexes made and dropped beside the traffic, and again where a try broke off."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def make(
    name: str,
    table: str,
    columns: Sequence[str | sa.TextClause],
    *,
    where: str | None = None,
    ops: dict[str, str] | None = None,
    unique: bool = False,
) -> None:
    """Make an index concurrently, outside of a transaction."""
    # What a try left behind that broke off is invalid and would never be used.
    drop(name, table)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        if_not_exists=True,
        postgresql_concurrently=True,
        postgresql_where=sa.text(where) if where else None,
        postgresql_ops=ops or {},
    )


def drop(name: str, table: str) -> None:
    """Drop an index concurrently, if it is there."""
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
