"""The names of stores, for people to pick one."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.storage.postgres import sql
from app.storage.postgres.query import Reader

_NAMES = sql.load("queries/list_store_names.sql")


@dataclass(frozen=True, slots=True)
class StoreName:
    """A store as people know it."""

    store_id: int
    id: UUID
    name: str
    market: str


async def store_names(reader: Reader, only: int | None, *, most: int) -> Sequence[StoreName]:
    """Stores by name. only: the number of the one store to list. most: how many are read."""
    rows = await _NAMES.fetch(reader, {"only": only, "most": most})
    return [StoreName(row["store_id"], row["id"], row["name"], row["market"]) for row in rows]
