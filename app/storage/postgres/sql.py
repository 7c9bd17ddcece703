"""SQL text in one notation: `:name` parameters, in files beside the modules that run them.

A file has one statement and is named by its verb. Its first line, a comment, says what the
statement is for. `{{name}}` stands for a piece of SQL that the module hands in, such as columns
that several statements share. `app/storage/postgres/sharding.py` explains `<row>` and
`<row.store_id>`, which some statements contain.

Everything is read and translated once, at import: a call sends the text that asyncpg prepares.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.storage.postgres import json_values
from app.storage.postgres.database import Connection
from app.storage.postgres.engine import AsyncConnection
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row

_FOLDER = Path(__file__).parents[1]
_COMMENT = re.compile(r"('[^']*')|\s*--[^\n]*")
_PIECE = re.compile(r"\{\{(\w+)\}\}")
# A string and a cast contain colons that begin no parameter.
_PARAMETER = re.compile(r"('[^']*')|::|:([a-z]\w*)(::jsonb\b)?")
_NOTHING: Mapping[str, Any] = {}


class Statement:
    """A statement with named parameters, for SQLAlchemy's connections and for plain sessions.

    A value that the text casts to jsonb (`:rows::jsonb`) is given as Python lists and dicts.
    """

    __slots__ = ("_json", "names", "text")

    def __init__(self, text: str) -> None:
        self.names: list[str] = []
        """The parameters, in the order of their numbers."""
        self._json: set[str] = set()
        self.text = _PARAMETER.sub(self._numbered, text)
        """The text with $1, $2 …, as asyncpg wants it."""

    def _numbered(self, found: re.Match[str]) -> str:
        name = found[2]
        if name is None:
            return found[0]
        if name not in self.names:
            self.names.append(name)
        if found[3]:
            self._json.add(name)
        return f"${self.names.index(name) + 1}{found[3] or ''}"

    async def execute(
        self, connection: Connection, values: Mapping[str, Any] = _NOTHING
    ) -> sa.CursorResult[Any]:
        """Run the statement in a transaction. Names that it does not have are left out."""
        given = tuple(
            json_values.encode(values[name]) if name in self._json else values[name]
            for name in self.names
        )
        return await connection.exec_driver_sql(self.text, given)

    async def fetch(self, reader: Reader, values: Mapping[str, Any] = _NOTHING) -> Sequence[Row]:
        """Run the statement and return its rows. Raises as the reader does."""
        if isinstance(reader, AsyncConnection):
            return (await self.execute(reader, values)).mappings().all()  # type: ignore[return-value]
        return await reader.fetch(self.text, *[values[name] for name in self.names])


def read(path: str, **pieces: str) -> str:
    """The text of a file (its path within app/storage), without comments, with these pieces."""
    text = _COMMENT.sub(lambda found: found[1] or "", (_FOLDER / path).read_text(encoding="utf-8"))
    return _PIECE.sub(lambda found: pieces[found[1]], text).strip()


def load(path: str, **pieces: str) -> Statement:
    """The statement of a file; see `read`."""
    return Statement(read(path, **pieces))
