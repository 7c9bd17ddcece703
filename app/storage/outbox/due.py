"""What is due: looked for by what decides which of Walmart's endpoints is called first.

That is store, kind, whether an earlier try may have landed; so a paused lane and a store with a
hundred thousand due updates cost the same few looks into an index as one with a single one.
"""

from app.domain.outbox.due_group import DueGroup
from app.domain.update import Kind
from app.storage.postgres.session import Session

# The states of updates that a poller may take; index and statements name them alike.
DUE = "('pending', 'retrying', 'verifying')"
# A loose index scan: one look into the index for each group that has anything, two for each
# to find what is due first of it.
_GROUPS = f"""
    WITH RECURSIVE found AS (
      (SELECT store_id, kind, ambiguous FROM updates WHERE active AND state IN {DUE}
        ORDER BY store_id, kind, ambiguous LIMIT 1)
      UNION ALL
      SELECT n.store_id, n.kind, n.ambiguous FROM found g CROSS JOIN LATERAL (
        SELECT u.store_id, u.kind, u.ambiguous FROM updates u
         WHERE u.active AND u.state IN {DUE}
           AND (u.store_id, u.kind, u.ambiguous) > (g.store_id, g.kind, g.ambiguous)
         ORDER BY u.store_id, u.kind, u.ambiguous LIMIT 1) n)
    SELECT g.store_id, g.kind, g.ambiguous,
           extract(epoch FROM greatest(first.due_at, everything.paused_until) - now())::float
             AS due_in
      FROM found g
      CROSS JOIN LATERAL (SELECT min(each.due_at) AS due_at
             FROM (VALUES (true), (false)) AS r(urgent)
             CROSS JOIN LATERAL (SELECT u.due_at FROM updates u
                    WHERE u.store_id = g.store_id AND u.kind = g.kind
                      AND u.ambiguous = g.ambiguous AND u.urgent = r.urgent
                      AND u.active AND u.state IN {DUE}
                    ORDER BY u.due_at LIMIT 1) each) first
      LEFT JOIN lanes everything
        ON everything.store_id = g.store_id AND everything.endpoint = '*'
       AND g.kind <> 'commerce_note'
"""  # noqa: S608 - only a constant of this module is put in
# The same where stores' rows lie on several servers, each of which answers for its own: a
# recursion runs on one of them only. It goes through all that is open.
_GROUPS_APART = f"""
    SELECT g.store_id, g.kind, g.ambiguous,
           extract(epoch FROM greatest(g.due_at, everything.paused_until) - now())::float AS due_in
      FROM (SELECT store_id, kind, ambiguous, min(due_at) AS due_at FROM updates
             WHERE active AND state IN {DUE} GROUP BY store_id, kind, ambiguous) g
      LEFT JOIN lanes everything
        ON everything.store_id = g.store_id AND everything.endpoint = '*'
       AND g.kind <> 'commerce_note'
"""  # noqa: S608 - as above


async def groups(session: Session, *, sharded: bool = False) -> list[DueGroup]:
    """Every group with something waiting, and when the first of it may go.

    apart: stores' rows lie on several servers.
    """
    return [
        DueGroup(row["store_id"], Kind(row["kind"]), row["ambiguous"], row["due_in"])
        for row in await session.fetch(_GROUPS_APART if sharded else _GROUPS)
    ]
