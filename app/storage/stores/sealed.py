"""All encrypted values of the database, table by table, for a change of the encryption key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.tables import metadata
from app.storage.tables.base import SEALED


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row with encrypted values."""

    table: str
    key: Any
    """The value of its primary key."""
    values: Mapping[str, bytes] = field(repr=False)
    """By column, without those that are NULL."""


def tables() -> list[str]:
    """The tables with encrypted columns. The primary key of each is one column."""
    return [table.name for table in metadata.sorted_tables if columns_of(table.name)]


def columns_of(table: str) -> list[sa.Column[Any]]:
    """The encrypted columns of a table."""
    return [column for column in metadata.tables[table].columns if SEALED in column.info]


async def read(
    connection: Connection,
    table: str,
    after: object,
    limit: int,
) -> Sequence[SealedRow]:
    """Some rows of a table, in the order of their keys. after: the last key that was read."""
    (key,) = metadata.tables[table].primary_key.columns
    names = [column.name for column in columns_of(table)]
    statement = sa.select(key, *columns_of(table)).order_by(key).limit(limit)
    if after is not None:
        statement = statement.where(key > after)
    return [
        SealedRow(table, row[key], {name: row[name] for name in names if row[name] is not None})
        for row in (await connection.execute(statement)).mappings()
    ]


async def replace(connection: Connection, row: SealedRow, name: str, value: bytes) -> bool:
    """Replace a value, unless it was changed since it was read; False if it was."""
    table = metadata.tables[row.table]
    (key,) = table.primary_key.columns
    # mutation: secret-compare-and-set
    unchanged = table.c[name] == row.values[name]
    statement = sa.update(table).where(key == row.key, unchanged).values({name: value})
    return (await connection.execute(statement)).rowcount == 1
