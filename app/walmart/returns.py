"""Parser of Walmart's returns, the queries of their pages, and the body of a refund.

Shapes follow Walmart's OpenAPI document of the returns API (US marketplace, June 2026). In this API
dates are ISO 8601, amounts are numbers, and pages go by offset, so a page may repeat a return.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from app.domain.orders.order import Money
from app.domain.orders.returns import REFUND, REPLACEMENT, Return, ReturnLine
from app.http_client.call import Call
from app.walmart import buyer_parser, rate_limit_headers, return_states
from app.walmart.json_values import UnreadableOrder, decimal, text

# Walmart's largest page.
PAGE = 200
# Only then does Walmart show returnType and returnCancellationReason (OpenAPI, GET /v3/returns).
_ASKED = {"replacementInfo": "true"}
_MOST_UNITS = 1_000_000
# A unit in one of these statuses is refunded, or its refund cannot be stopped any more.
_REFUNDING = frozenset({"REFUND_INITIATED", "REFUND_COMPLETED", "REFUND_ISSUED"})


@dataclass(frozen=True, slots=True)
class ReturnPage:
    """A page of a list of returns."""

    call: Call
    returns: tuple[Return, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Why the units of a return cannot be read, by its number."""
    cursor: str | None = None
    """Cursor of the next page. None means the last page."""
    private: frozenset[str] = field(default=frozenset(), repr=False)
    """The buyers' words on the page, which no evidence and no message may contain."""

    def of(self, number: str) -> "ReturnPage":
        """Return the page with only the return that has this number."""
        shown = [each for each in self.returns if each.return_order_id == number]
        why = {each: reason for each, reason in self.unreadable.items() if each == number}
        return ReturnPage(self.call, tuple(shown[:1]), why, private=self.private)


def changed_query(since: datetime, until: datetime | None = None, size: int | None = None) -> str:
    """Return the query of the first page of changes. until None means no end.

    Pages go by offset: with an end, a return that changes between two pages would leave the list,
    and the next one would move onto the page that was read already.
    """
    query: dict[str, object] = {"returnLastModifiedStartDate": _date(since), **_ASKED}
    if until is not None:
        query["returnLastModifiedEndDate"] = _date(until)
    return "?" + urlencode({**query, "limit": size or PAGE})


def one_query(return_order_id: str) -> str:
    """Return the query of one return."""
    return "?" + urlencode({"returnOrderId": return_order_id, **_ASKED, "limit": PAGE})


def refund_body(returned: Return, units: Mapping[int, int]) -> dict[str, object]:
    """Return the body of a refund of units by line: Walmart takes quantities, not amounts."""
    return {
        "customerOrderId": returned.customer_order_id,
        "refundLines": [
            {
                "returnOrderLineNumber": number,
                "quantity": {"unitOfMeasure": "EACH", "measurementValue": quantity},
            }
            for number, quantity in sorted(units.items())
        ],
    }


def read_page(payload: object, call: Call, requested: str | None) -> ReturnPage:
    """Read a page. Raises UnreadableOrder if the answer is not a list of returns."""
    body = payload if isinstance(payload, Mapping) else {}
    found = body.get("returnOrders")
    if not isinstance(found, list):
        raise UnreadableOrder("returnOrders is missing")
    returns, unreadable = [], {}
    for entry in found:
        try:
            returns.append(read_return(entry))
        except UnreadableOrder as error:
            number = text(entry.get("returnOrderId")) if isinstance(entry, Mapping) else None
            unreadable[number or ""] = str(error)
    meta = body.get("meta")
    cursor = text(meta.get("nextCursor")) if isinstance(meta, Mapping) else None
    # mutation: all-pages-of-returns
    return ReturnPage(
        call,
        tuple(returns),
        unreadable,
        # An empty page is the last, and so is a page with its own cursor.
        _query(cursor) if found and cursor and _query(cursor) != requested else None,
        buyer_parser.private_words_of_returns(found),
    )


def _query(cursor: str) -> str:
    return cursor if cursor.startswith("?") else f"?{cursor}"


def read_return(entry: object) -> Return:
    """Read a return. Raises UnreadableOrder if its lines or units cannot be read."""
    if not isinstance(entry, Mapping):
        raise UnreadableOrder("it is not an object")
    lines = tuple(_lines(entry.get("returnOrderLines")))
    if not lines:
        raise UnreadableOrder("it has no lines")
    number, customer = text(entry.get("returnOrderId")), text(entry.get("customerOrderId"))
    if number is None or customer is None:
        raise UnreadableOrder("its number is missing")
    return Return(
        return_order_id=number,
        customer_order_id=customer,
        lines=lines,
        purchase_order_id=next((each.purchase_order_id for each in lines), None),
        requested_at=rate_limit_headers.instant(entry.get("returnOrderDate")),
        return_by=rate_limit_headers.instant(entry.get("returnByDate")),
        amount=_money(entry.get("totalRefundAmount")),
        return_type=REPLACEMENT if entry.get("returnType") == "REPLACEMENT" else REFUND,
        arrived_at=return_states.arrived_at(entry["returnOrderLines"]),
    )


def _lines(found: object) -> Iterator[ReturnLine]:
    for entry in found if isinstance(found, list) else ():
        if not isinstance(entry, Mapping):
            raise UnreadableOrder("a line is not an object")
        item = entry.get("item")
        product = item if isinstance(item, Mapping) else {}
        units = _quantity(entry, "orderLineQuantity", "the quantity of a line")
        refunded = _refunded(entry)
        yield ReturnLine(
            number=_units(entry.get("returnOrderLineNumber"), "the number of a line"),
            line_number=text(entry.get("purchaseOrderLineNumber"))
            or text(entry.get("salesOrderLineNumber"))
            or "",
            sku=text(product.get("sku")) or "",
            quantity=units,
            refunded=refunded,
            name=text(product.get("productName")),
            reason=text(entry.get("returnReason")),
            purchase_order_id=text(entry.get("purchaseOrderId")),
            canceled=min(_canceled(entry, units - refunded), max(units - refunded, 0)),
        )


def _refunded(entry: Mapping[str, object]) -> int:
    """Return the units refunded: the larger of Walmart's count and the sum of its statuses."""
    counted = entry.get("refundedQty")
    units = _count(counted, "refunded units") if counted is not None else 0
    tracked = sum(_in_status(each) for each in return_states.statuses(entry) if _refunding(each))
    return max(units, tracked)


def _canceled(entry: Mapping[str, object], others: int) -> int:
    """Return the units canceled. others: units that are not refunded."""
    if return_states.was_canceled(entry) and not entry.get("currentTrackingStatuses"):
        return others
    done = return_states.canceled(entry)
    return sum(
        _in_status(each)
        for each in return_states.statuses(entry)
        if each.get("status") in done and not _refunding(each)
    )


def _refunding(status: Mapping[str, object]) -> bool:
    return status.get("currentRefundStatus") in _REFUNDING


def _in_status(status: Mapping[str, object]) -> int:
    return _quantity(status, "statusQuantity", "units in a status")


def _quantity(entry: Mapping[str, object], name_in_orders: str, what: str) -> int:
    """Read a quantity, also under the name that the orders API has for it."""
    value = entry.get("quantity")
    return _count(entry.get(name_in_orders) if value is None else value, what)


def _count(value: object, what: str) -> int:
    """Read whole units from `{"measurementValue": 1}`, `{"amount": "1"}`, 1 and "1"."""
    if isinstance(value, Mapping):
        # mutation: return-quantity-names
        value = value.get("measurementValue", value.get("amount"))
    return _units(value, what)


def _units(value: object, what: str) -> int:
    number = decimal(value)
    if number is None or number != number.to_integral_value() or not 0 <= number <= _MOST_UNITS:
        raise UnreadableOrder(f"{what} cannot be read")
    return int(number)


def _money(value: object) -> Money | None:
    if not isinstance(value, Mapping):
        return None
    amount, currency = decimal(value.get("currencyAmount")), text(value.get("currencyUnit"))
    return Money(amount, currency) if amount is not None and currency is not None else None


def _date(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
