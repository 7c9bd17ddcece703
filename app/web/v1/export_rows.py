"""The columns of exports, and the rows of orders, returns and updates. No buyer's data."""

from collections.abc import Iterable, Sequence

from app.storage.queries.views import OrderView, ReturnView, StatusDetail, UpdateView

ORDER_COLUMNS = (
    "walmart_order",
    "customer_order",
    "commerce_order",
    "status",
    "fulfillment_status",
    "sync",
    "fulfilled_by",
    "skus",
    "units",
    "value",
    "currency",
    "ordered_at",
    "ship_by",
    "deliver_by",
    "ship_method",
    "tracking_numbers",
    "code",
    "message",
    "suggestion",
    "updated_at",
    "order_id",
    "store_id",
)
RETURN_COLUMNS = (
    "rma",
    "walmart_order",
    "customer_order",
    "commerce_order",
    "status",
    "return_type",
    "skus",
    "units",
    "refunded_units",
    "reasons",
    "refund_amount",
    "currency",
    "requested_at",
    "return_by",
    "arrived_at",
    "refund_by",
    "code",
    "message",
    "updated_at",
    "return_id",
    "order_id",
    "store_id",
)
UPDATE_COLUMNS = (
    "kind",
    "state",
    "target",
    "subject",
    "attempts",
    "code",
    "message",
    "suggestion",
    "retryable",
    "next_attempt_at",
    "requested_by",
    "dismissed_by",
    "note",
    "created_at",
    "updated_at",
    "finished_at",
    "update_id",
    "order_id",
    "store_id",
)


def order_row(order: OrderView) -> Sequence[object]:
    """The cells of an order."""
    detail = _first(order.status_details)
    value = order.order_value
    return (
        order.purchase_order_id,
        order.customer_order_id,
        order.commerce_order_number,
        order.status,
        order.fulfillment_status,
        order.sync.state,
        order.fulfilled_by,
        _joined(line.sku for line in order.lines),
        order.item_count,
        value.amount if value else None,
        value.currency if value else None,
        order.ordered_at,
        order.ship_by,
        order.deliver_by,
        order.ship_method,
        _joined(each.tracking_number for each in order.shipments),
        detail.code if detail else None,
        detail.message if detail else None,
        detail.suggestion if detail else None,
        order.updated_at,
        order.id,
        order.store_id,
    )


def return_row(returned: ReturnView) -> Sequence[object]:
    """The cells of a return."""
    detail, amount, items = _first(returned.status_details), returned.refund_amount, returned.items
    return (
        returned.rma_number,
        _joined(each.purchase_order_id for each in returned.orders),
        returned.customer_order_id,
        _joined(each.commerce_order_number for each in returned.orders),
        returned.status,
        returned.return_type,
        _joined(item.sku for item in items),
        sum(item.quantity for item in items),
        sum(item.refunded for item in items),
        _joined(item.reason for item in items),
        amount.amount if amount else None,
        amount.currency if amount else None,
        returned.requested_at,
        returned.return_by,
        returned.arrived_at,
        returned.refund_by,
        detail.code if detail else None,
        detail.message if detail else None,
        returned.updated_at,
        returned.id,
        returned.order_id,
        returned.store_id,
    )


def update_row(update: UpdateView) -> Sequence[object]:
    """The cells of an update."""
    detail = update.status_detail
    return (
        update.kind,
        update.state,
        update.target,
        update.subject,
        update.attempts_made,
        detail.code if detail else None,
        detail.message if detail else None,
        detail.suggestion if detail else None,
        detail.retryable if detail else None,
        update.next_attempt_at,
        update.requested_by,
        update.dismissed_by,
        update.note,
        update.created_at,
        update.updated_at,
        update.finished_at,
        update.id,
        update.order_id,
        update.store_id,
    )


def _first(details: Sequence[StatusDetail]) -> StatusDetail | None:
    return details[0] if details else None


def _joined(texts: Iterable[str | None]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))
