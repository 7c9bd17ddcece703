"""The orders of a list by the simplest statement: what `order_lists` must answer, however it reads."""

from app.storage.queries import OrderFilter

_UNSHIPPED = "fulfillment_status IN ('open', 'partially_shipped')"
_NEWEST = "ordered_at DESC NULLS LAST, id DESC"
_ATTENTION = f"""(status = 'error' OR coalesce(commerce_open = 'refused', false)
    OR ({_UNSHIPPED} AND (cancel_requested IS NOT NULL OR ship_by_warned_at IS NOT NULL)))"""
_ORDERS = {
    "newest": _NEWEST,
    "changed": "updated_at, id",
    "updated": "updated_at DESC, id DESC",
    "leaving": "ship_by, id",
    "ship_by": f"""CASE WHEN {_UNSHIPPED} THEN CASE WHEN ship_by IS NULL THEN 1 ELSE 0 END ELSE 2
        END, CASE WHEN {_UNSHIPPED} THEN ship_by END, CASE WHEN {_UNSHIPPED} THEN id END,
        {_NEWEST}""",
    "attention": f"""NOT {_ATTENTION}, CASE WHEN {_ATTENTION} THEN coalesce(
        CASE WHEN {_UNSHIPPED} THEN ship_by END, '9999-01-01Z') END,
        CASE WHEN {_ATTENTION} THEN id END, {_NEWEST}""",
}
_OPEN = "'pending', 'sending', 'retrying', 'verifying'"


def statement(wanted: OrderFilter, limit: int) -> str:
    """Select the ids of the first orders of a list."""
    conditions = " AND ".join(["true", *_conditions(wanted)])
    order = _ORDERS[wanted.order]
    return f"SELECT id FROM orders o WHERE {conditions} ORDER BY {order} LIMIT {limit}"


def _conditions(wanted: OrderFilter) -> list[str]:
    said = {
        f"store_id = {wanted.store_id}": wanted.store_id,
        f"status IN ({_texts(wanted.statuses)})": wanted.statuses,
        f"purchase_order_id LIKE '{wanted.q}%'": wanted.q,
        f"updated_at >= '{wanted.updated_since}'": wanted.updated_since,
        f"ship_by < '{wanted.ship_before}' AND {_UNSHIPPED}": wanted.ship_before,
        f"ship_by >= '{wanted.ship_from}'": wanted.ship_from,
        f"ordered_at >= '{wanted.ordered_from}'": wanted.ordered_from,
        f"ordered_at < '{wanted.ordered_to}'": wanted.ordered_to,
        "commerce_order_number IS NULL AND commerce_order_id IS NULL": (
            wanted.without_commerce_order
        ),
        f"ship_method = '{wanted.ship_method}'": wanted.ship_method,
        f"fulfilled_by = '{wanted.fulfilled_by}'": wanted.fulfilled_by,
        f"cancel_requested IS NOT NULL AND {_UNSHIPPED}": wanted.cancel_requested,
        """EXISTS (SELECT FROM returns r WHERE r.purchase_order_id = o.purchase_order_id
                      AND r.store_id = o.store_id AND NOT r.refunded AND NOT r.closed)""": (
            wanted.return_requested
        ),
        f"({' OR '.join(map(_of_sync, wanted.sync))})": wanted.sync,
        f"({_of_code(wanted.code)})": wanted.code,
    }
    return [condition for condition, is_given in said.items() if is_given]


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{each}'" for each in values)


def _has(states: str) -> str:
    return f"""EXISTS (SELECT FROM updates u WHERE u.store_id = o.store_id AND u.order_id = o.id
                          AND u.state IN ({states}))"""


def _of_sync(state: str) -> str:
    failed, retrying = _has("'failed'"), _has("'retrying', 'verifying'")
    return {
        "error": failed,
        "retrying": f"NOT {failed} AND {retrying}",
        "pending": f"NOT {failed} AND NOT {retrying} AND {_has(_OPEN)}",
    }[state]


def _of_code(code: str | None) -> str:
    late = "ship_by >= now()" if code == "ship_by_near" else "ship_by < now()"
    return f"""
        EXISTS (SELECT FROM updates u WHERE u.store_id = o.store_id AND u.order_id = o.id
                   AND u.state NOT IN ('confirmed', 'dismissed') AND (u.last_error->>'code' = '{code}'
                     OR jsonb_path_exists(u.last_error, '$.lines[*] ? (@.code == "{code}")')))
        OR EXISTS (SELECT FROM commerce_events e WHERE e.store_id = o.store_id AND e.order_id = o.id
                      AND e.state IN ('waiting', 'refused') AND e.code = '{code}')
        OR coalesce(import_error->>'code' = '{code}', false)
        OR ('{code}' LIKE 'ship_by%' AND ship_by_warned_at IS NOT NULL AND {_UNSHIPPED} AND {late})
    """
