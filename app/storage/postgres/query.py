"""Reading with plain SQL, inside somebody's transaction or on a connection of its own.

SQLAlchemy took half of the time of a list: its work for each statement, and for each row.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.postgres.database import Connection
from app.storage.postgres.session import Row, Session

# A transaction of SQLAlchemy's, where what was just written is to be seen; or one that only reads.
Reader = Connection | Session


async def fetch(reader: Reader, statement: str, *values: object) -> Sequence[Row]:
    """Carry a statement with $1, $2 … out; answers its rows. Raises as the reader does."""
    if isinstance(reader, AsyncConnection):
        rows: Sequence[Any] = (await reader.exec_driver_sql(statement, values)).mappings().all()
        return rows
    return await reader.fetch(statement, *values)
