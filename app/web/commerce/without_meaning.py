"""Paths of Commerce's orders that have no meaning for Walmart's, and why: each is refused so.

Together with the operations under /rest these are all paths of Adobe's schema about orders,
shipments, invoices, credit memos, transactions, returns and bulk operations
(tests/contract/test_commerce_paths.py). docs/commerce-paths.md shows both.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fastapi import Depends, Response

from app.domain.errors import Invalid
from app.web.commerce.route import CommerceRouter
from app.web.dependencies import RequireScope


class WithoutMeaning(NamedTuple):
    """Operations that are refused for one reason."""

    why: str
    """A sentence, and what to use instead."""
    operations: tuple[str, ...]
    """Methods and paths below /rest/{store_code}/V1."""


REFUSED = (
    WithoutMeaning(
        "Orders come from Walmart. Import or register one with Waybill's own POST /v1/orders; "
        "shipments and cancellations change its status.",
        ("POST /orders", "PUT /orders/create"),
    ),
    WithoutMeaning(
        "The buyer's address is Walmart's, and Waybill does not store it.",
        ("PUT /orders/{order_id}",),
    ),
    WithoutMeaning(
        "Waybill sends no e-mails. Walmart notifies the buyer.",
        (
            "POST /orders/{order_id}/emails",
            "POST /shipment/{shipment_id}/emails",
            "POST /creditmemo/{creditmemo_id}/emails",
        ),
    ),
    WithoutMeaning(
        "Walmart's orders cannot be held. Ship or cancel the order.",
        ("POST /orders/{order_id}/hold", "POST /orders/{order_id}/unhold"),
    ),
    WithoutMeaning(
        "Walmart ships its orders to the buyer, so there is no pickup in a store.",
        ("POST /order/notify-orders-are-ready-for-pickup",),
    ),
    WithoutMeaning(
        "Walmart charges the buyer, so there are no invoices. An order is shipped and refunded "
        "without one: POST …/order/{orderId}/ship, POST …/order/{orderId}/refund.",
        (
            "POST /order/{order_id}/invoice",
            "POST /invoice/{invoice_id}/refund",
            "GET /invoices",
            "POST /invoices",
            "POST /invoices/comments",
            "GET /invoices/{invoice_id}",
            "POST /invoices/{invoice_id}/capture",
            "GET /invoices/{invoice_id}/comments",
            "POST /invoices/{invoice_id}/emails",
            "POST /invoices/{invoice_id}/void",
        ),
    ),
    WithoutMeaning(
        "Walmart charges the buyer, so there are no payment transactions.",
        ("GET /transactions", "GET /transactions/{transaction_id}"),
    ),
    WithoutMeaning(
        "Waybill has no labels. Buy the label where you ship, and send its tracking number.",
        ("GET /shipment/{shipment_id}/label",),
    ),
    WithoutMeaning(
        "Comments belong to the order: GET and POST …/orders/{id}/comments.",
        (
            "GET /shipment/{shipment_id}/comments",
            "POST /shipment/{shipment_id}/comments",
            "GET /creditmemo/{creditmemo_id}/comments",
            "POST /creditmemo/{creditmemo_id}/comments",
        ),
    ),
    WithoutMeaning(
        "A credit memo is a refund at Walmart: POST …/creditmemo/refund, or "
        "POST …/order/{orderId}/refund.",
        ("POST /creditmemo",),
    ),
    WithoutMeaning(
        "A refund at Walmart cannot be taken back.",
        ("PUT /creditmemo/{creditmemo_id}",),
    ),
    WithoutMeaning(
        "Buyers return at Walmart. Read the returns with Waybill's own GET /v1/returns, and refund "
        "them: POST …/order/{orderId}/refund.",
        (
            "GET /returns",
            "POST /returns",
            "GET /returns/{return_id}",
            "PUT /returns/{return_id}",
            "DELETE /returns/{return_id}",
            "GET /returns/{return_id}/comments",
            "POST /returns/{return_id}/comments",
            "GET /returns/{return_id}/labels",
            "GET /returns/{return_id}/tracking-numbers",
            "POST /returns/{return_id}/tracking-numbers",
            "DELETE /returns/{return_id}/tracking-numbers/{track_id}",
            "GET /returnsAttributeMetadata",
            "GET /returnsAttributeMetadata/custom",
            "GET /returnsAttributeMetadata/form/{form_code}",
            "GET /returnsAttributeMetadata/{attribute_code}",
        ),
    ),
    WithoutMeaning(
        "Waybill has no asynchronous operations: each request is stored and answered at once, and "
        "sent to Walmart after that. Send it to /rest/{store_code}/V1.",
        (
            "GET /bulk",
            "GET /bulk/{bulk_id}/detailed-status",
            "GET /bulk/{bulk_id}/operation-status/{status}",
            "GET /bulk/{bulk_id}/status",
        ),
    ),
)
# Commerce's asynchronous form of every operation, which its schema does not list.
_ASYNCHRONOUS = ("/async/V1/{path:path}", "/async/bulk/V1/{path:path}")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
# Below these lie paths of operations, so this router comes after theirs.
router = CommerceRouter("/rest/{store_code}", "commerce")


def _refuser(why: str) -> Callable[[], Awaitable[Response]]:
    async def refuse() -> Response:
        # No store is looked up: the path has no meaning for any.
        # mutation: path-without-meaning
        raise Invalid("not_applicable", why)

    return refuse


def _refuse(path: str, methods: tuple[str, ...], why: str) -> None:
    scope = RequireScope("read" if methods == ("GET",) else "write")
    router.add_api_route(
        path,
        _refuser(why),
        methods=list(methods),
        dependencies=[Depends(scope)],
        include_in_schema=False,
    )


for _each in REFUSED:
    for _operation in _each.operations:
        _method, _, _path = _operation.partition(" ")
        _refuse(f"/V1{_path}", (_method,), _each.why)
for _path in _ASYNCHRONOUS:
    for _methods in (("GET",), _WRITES):
        # mutation: asynchronous-read
        _refuse(_path, _methods, REFUSED[-1].why)
