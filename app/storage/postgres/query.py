"""Readers: a transaction of SQLAlchemy, or a session without it.

SQLAlchemy took half of the time of a list: its work for each statement and for each row.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.postgres.database import Connection
from app.storage.postgres.session import Row, Session

# A transaction sees what it has just written; a session is faster.
Reader = Connection | Session


async def fetch(reader: Reader, statement: str, *values: object) -> Sequence[Row]:
    """Run a text with $1, $2 …; answers its rows. Raises as the reader does. See also sql.py."""
    if isinstance(reader, AsyncConnection):
        rows: Sequence[Any] = (await reader.exec_driver_sql(statement, values)).mappings().all()
        return rows
    return await reader.fetch(statement, *values)
