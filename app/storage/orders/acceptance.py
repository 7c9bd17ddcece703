"""The change of an order that a request asks for, and its rows.

A row is a dict by column. It is the parameter of the write, and the source of the response.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.ids import store_of
from app.domain.orders.order import Order
from app.domain.orders.tracking_key import tracking_key
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import OPEN, State
from app.storage import audit, idempotency
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.storage.orders.repository import items_json
from app.storage.orders.shipments import NewCancellation, NewShipment
from app.storage.returns.refunds import NewRefund
from app.storage.stores.stores import ShippingRules


@dataclass(frozen=True, slots=True)
class OrderLookup:
    """An order that a request is about."""

    order_id: UUID
    once: IdempotentRequest | None = None
    references: Sequence[str] = ()
    """References of the shipments that the request is for."""
    packages: int = 0
    """How many shipments the request is for."""

    @property
    def store_id(self) -> int:
        """The store of the order's id. 0: no order has such an id."""
        return store_of(self.order_id) or 0


@dataclass(frozen=True, slots=True)
class OrderVersion:
    """An order as it was looked up, with what is needed to accept a change of it."""

    order: Order
    store: UUID
    """The store's public id."""
    rules: ShippingRules
    at: datetime
    """The database's time."""
    numbers: Sequence[int]
    """Numbers for the shipments."""
    version: int | None = None
    """None means that this transaction has locked the order."""
    repeated: bool = False
    """The order has a shipment with one of the references."""

    @property
    def passable(self) -> bool:
        """Whether a new shipment may go before an earlier one, which is being retried."""
        return any(task.state is State.RETRYING for task in self.order.walmart_tasks)

    @property
    def idle(self) -> bool:
        """Whether no update for Walmart is open, so that a new one is active at once."""
        # mutation: separate-queue-for-commerce
        return not any(task.state in OPEN for task in self.order.walmart_tasks)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Updates of one order, with the rows of their kinds: all are written, or none."""

    version: OrderVersion
    updates: Sequence[NewUpdate]
    """In the order in which they are sent."""
    shipments: Sequence[NewShipment] = ()
    cancellation: NewCancellation | None = None
    refund: NewRefund | None = None
    once: IdempotentRequest | None = None
    answer: StoredResponse | None = None
    """The response to store under the key of the request."""
    origin: audit.Origin = field(default_factory=audit.origin.get)
    """The request, which is not known where batches are written."""


def lookup_row(n: int, asked: OrderLookup) -> dict[str, Any]:
    """The row that `look_up_orders.sql` takes for a request, number n of its batch."""
    once = asked.once
    row = {
        "n": n,
        "store_id": asked.store_id,
        "id": asked.order_id,
        "packages": asked.packages,
        "refs": asked.references,
    }
    if once is not None:
        row |= {
            "api_key": once.api_key,
            "method": once.method,
            "path": once.path,
            "key": once.key,
        }
    return row


def order_row(n: int, wanted: Acceptance) -> dict[str, Any]:
    """The row of the order in `accept_if_unchanged.sql`."""
    version = wanted.version
    return {
        "n": n,
        "store_id": version.order.store_id,
        "order_id": version.order.id,
        "version": version.version,
        "lock": idempotency.lock_number(wanted.once) if wanted.once else None,
        "at": version.at,
    }


def rows_of(wanted: Sequence[Acceptance]) -> dict[str, list[dict[str, Any]]]:
    """The rows of `accept.sql` and its parts, by parameter."""
    numbered = list(enumerate(wanted))
    return {
        "updates": [{"n": n, **row} for n, each in numbered for row in update_rows(each)],
        "shipments": [{"n": n, **row} for n, each in numbered for row in shipment_rows(each)],
        "cancellations": [
            {"n": n, **row} for n, each in numbered for row in cancellation_rows(each)
        ],
        "refunds": [{"n": n, **row} for n, each in numbered for row in _refund_rows(each)],
        "lines": [{"n": n, **row} for n, each in numbered for row in _line_rows(each)],
        "responses": [{"n": n, **row} for n, each in numbered for row in _response_rows(each)],
    }


def update_rows(wanted: Acceptance) -> Iterator[dict[str, Any]]:
    """The rows of the updates. The first is active if no other update of the order is open."""
    active = wanted.version.idle
    for new in wanted.updates:
        # mutation: update-keeps-its-request
        yield {
            "id": new.id,
            "target": new.target.value,
            "subject": new.subject,
            "kind": new.kind.value,
            "sequence": new.sequence,
            "payload": new.payload,
            "requested_by": new.requested_by,
            "request_id": wanted.origin.request_id,
            "traceparent": wanted.origin.traceparent,
            "active": active,
        }
        active = False


def shipment_rows(wanted: Acceptance) -> Iterator[dict[str, Any]]:
    """The rows of the shipments."""
    for number, new in zip(wanted.version.numbers, wanted.shipments, strict=True):
        yield {
            "id": new.id,
            "update_id": new.update_id,
            "number": number,
            "carrier_code": new.carrier_code,
            "carrier_title": new.carrier_title,
            "tracking_number": new.tracking_number,
            "tracking_key": tracking_key(new.tracking_number),
            "tracking_url": new.tracking_url,
            "shipped_at": new.shipped_at,
            "method_code": new.method_code,
            "reference": new.reference,
            "fingerprint": new.fingerprint,
            "override_cancel_request": new.override_cancel_request,
            "walmart_carrier": new.walmart_carrier,
            "items": items_json(new.items),
            "commerce_items": _commerce_items(new),
        }


def _commerce_items(new: NewShipment) -> dict[str, Any] | None:
    if not new.contents and not new.passed_over:
        return None
    contents = {str(item): quantity for item, quantity in new.contents.items()}
    return {"contents": contents, "passed_over": list(new.passed_over)}


def cancellation_rows(wanted: Acceptance) -> Iterator[dict[str, Any]]:
    """The row of the cancellation, if there is one."""
    new = wanted.cancellation
    if new is not None:
        yield {
            "id": new.id,
            "update_id": new.update_id,
            "reason": new.reason,
            "comment": new.comment,
            "inventory": new.inventory,
            "items": items_json(new.items),
        }


def _refund_rows(wanted: Acceptance) -> Iterator[dict[str, Any]]:
    new = wanted.refund
    if new is not None:
        yield {
            "id": new.id,
            "return_id": new.return_id,
            "update_id": new.update_id,
            "comment": new.comment,
            "reference": new.reference,
            "items": [asdict(item) for item in new.items],
        }


def _line_rows(wanted: Acceptance) -> Iterator[dict[str, Any]]:
    units: Counter[str] = Counter()
    canceled = wanted.cancellation.items if wanted.cancellation else ()
    for items in (*(each.items for each in wanted.shipments), canceled):
        for item in items:
            # mutation: each-package-reserves
            units[item.line_number] += item.reserved
    for line_number, reserved in units.items():
        if reserved:
            yield {"line_number": line_number, "units": reserved}


def _response_rows(wanted: Acceptance) -> Iterator[dict[str, Any]]:
    if wanted.once is not None and wanted.answer is not None:
        yield idempotency.response_row(wanted.once, wanted.answer)
