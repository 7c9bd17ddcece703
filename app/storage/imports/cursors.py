"""Cursors of imports: how far each list of a store was read, saved after every page."""

from dataclasses import fields

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.domain.imports.cursor import ImportCursor, ImportList
from app.storage.postgres.database import Connection
from app.storage.tables import import_places


async def load(connection: Connection, store_id: int, which: ImportList) -> ImportCursor | None:
    """The cursor of a list. None means that it was never read."""
    columns = [import_places.c[each.name] for each in fields(ImportCursor)]
    statement = sa.select(*columns).where(
        import_places.c.store_id == store_id, import_places.c.list == which.value
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else ImportCursor(**row)


async def save(
    connection: Connection, store_id: int, which: ImportList, cursor: ImportCursor
) -> None:
    """Save the cursor of a list; the caller has the store's lease."""
    values = {each.name: getattr(cursor, each.name) for each in fields(ImportCursor)}
    statement = insert(import_places).values(store_id=store_id, list=which.value, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["store_id", "list"], set_=values)
    )
