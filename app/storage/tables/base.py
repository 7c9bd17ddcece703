"""What all tables share: the naming convention of constraints, and frequent columns.

Constraints are named by one convention, because storage translates their violations into
errors by name.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

EMPTY_LIST = sa.text("'[]'::jsonb")
EMPTY_OBJECT = sa.text("'{}'::jsonb")


def time(name: str, *, nullable: bool = True, default: bool = False) -> sa.Column[Any]:
    """A time with its zone. default: the time when the row is written."""
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable and not default,
        server_default=sa.text("now()") if default else None,
    )


SEALED = "sealed"
"""In the `info` of a column: its values are encrypted (`app/storage/stores/secrets.py`)."""


def sealed(name: str, *, nullable: bool = True) -> sa.Column[bytes]:
    """A column of secrets, which `waybill rotate-secrets` encrypts anew."""
    return sa.Column(name, BYTEA, nullable=nullable, info={SEALED: True})


REFERENCE = "reference"
"""In the `info` of a table: a cluster has a copy of it on each node."""


def is_reference(table: sa.Table) -> bool:
    """Whether each node of a cluster (Citus) has a copy of the table.

    Each other table is distributed by `store_id`, which its primary key then contains.
    """
    return bool(table.info.get(REFERENCE)) or "store_id" not in table.primary_key.columns
