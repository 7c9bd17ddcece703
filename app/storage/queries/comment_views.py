"""Reads the comments of an order, which are events of its timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders.order_event import OrderEvent
from app.storage.postgres import sql
from app.storage.postgres.query import Reader

COMMENT = OrderEvent.COMMERCE_COMMENT
"""The kind of event that a comment is."""
MOST = 500
_COMMENTS = sql.load("queries/list_comments.sql")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that a client of Commerce's API wrote."""

    at: datetime
    content: Mapping[str, Any]


async def comments(reader: Reader, store_id: int, order_id: UUID) -> tuple[list[Comment], int]:
    """The newest MOST comments of an order, the newest first, and how many it has."""
    key = {"store_id": store_id, "order_id": order_id, "what": COMMENT, "limit": MOST}
    rows = await _COMMENTS.fetch(reader, key)
    return [Comment(row["at"], row["detail"]) for row in rows], rows[0]["total"] if rows else 0
