"""The file for a support case: an order, its updates and tries, with ids and times in UTC.

It has no secret and no data of the buyer: requests and answers are redacted where they are stored,
and comments, which people write, are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from app.domain.orders.order_event import OrderEvent
from app.storage.queries.views import AttemptView, CallView, OrderView, UpdateView
from app.web.page.order_read import OrderPageData

_PRIVATE = frozenset({"comment", "note"})


def lines(read: OrderPageData, version: str, now: datetime) -> Iterator[str]:
    """The lines of the file."""
    yield f"Waybill {version}, {_time(now)}"
    yield from _order(read.order)
    for update in read.updates:
        yield from _update(update, read.newest.attempts.get(update.id, ()))
    yield ""
    yield "TIMELINE"
    for entry in read.newest.entries:
        if entry.what == OrderEvent.ATTEMPT:
            continue
        detail = {name: value for name, value in entry.detail.items() if name not in _PRIVATE}
        of = entry.update_id or "-"
        yield f"{_time(entry.at)} {entry.what} update={of} {detail or ''}".rstrip()


def _order(order: OrderView) -> Iterator[str]:
    yield ""
    yield f"ORDER {order.id}"
    yield f"purchase order {order.purchase_order_id}, store {order.store_id}"
    yield f"Commerce {order.commerce_order_number or '-'} (id {order.commerce_order_id or '-'})"
    yield f"status {order.status}, fulfillment {order.fulfillment_status}, sync {order.sync.state}"
    yield f"ordered {_time(order.ordered_at)}, ship by {_time(order.ship_by)}"
    yield f"last read {_time(order.sync.last_synced_at)}"
    for line in order.lines:
        units = " ".join(f"{name}={count}" for name, count in asdict(line.quantity).items())
        yield f"line {line.line_number} SKU {line.sku} {units}"
    for number, each in enumerate(order.shipments, start=1):
        carrier = " ".join(each.walmart_carrier.values())
        yield (
            f"package {number} {each.id} {each.state} {carrier} {each.tracking_number} "
            f"update={each.update.id} accepted {_time(each.created_at)}"
        )
    for detail in order.status_details:
        of = detail.update_id or "-"
        yield f"detail {detail.code} ({detail.origin}) update={of}: {detail.message}"


def _update(update: UpdateView, attempts: Sequence[AttemptView]) -> Iterator[str]:
    yield ""
    yield (
        f"UPDATE {update.id} {update.kind} {update.state}, accepted {_time(update.created_at)}, "
        f"ended {_time(update.finished_at)}, in doubt until {_time(update.in_doubt_until)}"
    )
    yield f"request={update.request_id or '-'} traceparent={update.traceparent or '-'}"
    for attempt in attempts:
        times = f"{_time(attempt.started_at)} to {_time(attempt.ended_at)}"
        yield f"TRY {attempt.number} {attempt.verdict} {times} {attempt.detail or ''}".rstrip()
        for call in attempt.calls:
            yield from _call(call)


def _call(call: CallView) -> Iterator[str]:
    yield (
        f"  {_time(call.started_at)} {call.method} {call.path} -> {call.status or '-'} "
        f"{' '.join(call.codes)} correlation={call.correlation_id or '-'}"
    )
    if call.failure:
        yield f"  failure: {call.failure}"
    if call.request:
        yield f"  request: {call.request}"
    if call.response:
        yield f"  response: {call.response}"


def _time(time: datetime | None) -> str:
    return "-" if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
