"""Which groups of updates are due, by what decides the Walmart endpoint that is called first.

A group is a store, a kind, and whether an earlier attempt may have landed. So a paused lane, or a
store with a hundred thousand due updates, costs the same few probes of the index as a store with
one.
"""

from app.domain.outbox.due_group import DueGroup
from app.domain.update import Kind
from app.storage.postgres import sql
from app.storage.postgres.session import Session

_GROUPS = sql.load("outbox/list_due_groups.sql")
_GROUPS_SHARDED = sql.load("outbox/list_due_groups_sharded.sql")


async def groups(session: Session, *, sharded: bool = False) -> list[DueGroup]:
    """Every group that has an open update, and when its first update is due.

    sharded: the tables are distributed by store.
    """
    statement = _GROUPS_SHARDED if sharded else _GROUPS
    return [
        DueGroup(row["store_id"], Kind(row["kind"]), row["ambiguous"], row["due_in"])
        for row in await statement.fetch(session)
    ]
