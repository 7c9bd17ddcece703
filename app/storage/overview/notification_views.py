"""How telling a store's people of errors goes: shown on the store while it does not go well."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from app.storage.database import Connection
from app.storage.tables import notification_queues as queues
from app.storage.views import StatusDetail

_SUGGESTION = "Correct notifications.url with PATCH /v1/stores/{store_id}."


async def troubles(
    connection: Connection, store_ids: Collection[int]
) -> dict[int, list[StatusDetail]]:
    """What people are to know, for each of some stores that could not be told."""
    statement = sa.select(queues).where(
        queues.c.store_id.in_(sorted(store_ids)),
        sa.or_(queues.c.tries > 0, queues.c.given_up > 0),
    )
    found: dict[int, list[StatusDetail]] = {}
    for row in await connection.execute(statement):
        details = found.setdefault(row.store_id, [])
        if row.tries:
            message = f"New errors are told to nobody: {row.last_error} It is tried again."
            details.append(_detail("notifications_failing", message, row.failing_since))
        if row.given_up:
            message = f"{row.given_up} errors were told to nobody: {row.last_error}"
            details.append(_detail("notifications_given_up", message, row.due_at))
    return found


def _detail(code: str, message: str, at: datetime) -> StatusDetail:
    return StatusDetail(
        code=code,
        origin="waybill",
        operation="notifications",
        update_id=None,
        message=message,
        field="notifications.url",
        suggestion=_SUGGESTION,
        retryable=True,
        occurred_at=at,
    )
