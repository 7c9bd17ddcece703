"""The revision of the database's schema, and the newest one of this code, without Alembic."""

import functools
import re
from pathlib import Path

from app.storage.postgres.database import Connection

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
_REVISION = re.compile(r'^revision\b[^"]*"(\d+)"', re.MULTILINE)


@functools.cache
def head() -> str:
    """The newest revision that this code knows. Revisions are times, and sort as they follow."""
    files = (MIGRATIONS / "versions").glob("*.py")
    found = (_REVISION.search(each.read_text(encoding="utf-8")) for each in files)
    return max(each[1] for each in found if each is not None)


async def current(connection: Connection) -> str | None:
    """The revision of the database. None means that it is empty."""
    table = await connection.exec_driver_sql("SELECT to_regclass('alembic_version')::text")
    if table.scalar_one() is None:
        return None
    found = await connection.exec_driver_sql("SELECT max(version_num) FROM alembic_version")
    revision: str | None = found.scalar_one()
    return revision
