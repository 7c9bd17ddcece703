"""What a store is notified of beside its errors, which triggers write: returns, ship-by, drift.

It is written in the transaction of what happened, and sent by
`worker/maintenance/error_notifier.py`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.notification_kind import NotificationKind
from app.storage.postgres.database import Connection
from app.storage.tables import notifications, stores


async def report(
    connection: Connection,
    what: NotificationKind,
    store_id: int,
    about: UUID,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Notify a store of something, if it wants that kind.

    about: the order or return. detail: further values of the message, none of a buyer.
    """
    # mutation: chosen-kinds
    wanted = sa.and_(
        stores.c.store_id == store_id,
        stores.c.notify_url.is_not(None),
        sa.any_(stores.c.notify_kinds) == what.value,
    )
    columns = ("store_id", "what", "kind", "code", "about", "detail")
    row = sa.select(
        sa.literal(store_id, notifications.c.store_id.type),
        *(sa.literal(what.value) for _ in range(3)),
        sa.literal(about, notifications.c.about.type),
        sa.literal(dict(detail or {}), notifications.c.detail.type),
    ).where(wanted)
    await connection.execute(sa.insert(notifications).from_select(columns, row))
