"""The state of a return's units, derived from Walmart's statuses and events."""

from typing import Any

import pytest

from app.domain.orders.returns import Return
from app.walmart.json_values import UnreadableOrder
from app.walmart.returns import read_return


def entry(*, quantity: Any = 3, **changes: Any) -> dict[str, Any]:
    line = {
        "returnOrderLineNumber": 1,
        "purchaseOrderId": "1796330120075",
        "purchaseOrderLineNumber": 2,
        "item": {"sku": "ABC"},
        "quantity": {"unitOfMeasure": "EACH", "measurementValue": quantity},
        **changes,
    }
    return {"returnOrderId": "106", "customerOrderId": "200", "returnOrderLines": [line]}


def units(status: str, number: int, **more: Any) -> dict[str, Any]:
    return {"status": status, "quantity": {"measurementValue": number}, **more}


def event(number: int, tag: str, at: str = "2026-11-20T10:00:00.000Z") -> dict[str, Any]:
    return {"sequenceNo": number, "eventTag": tag, "eventTime": at}


CANCELED = [event(1, "RETURN_CANCELLED"), event(0, "RETURN_INITIATED")]
REASON = {"returnCancellationReason": "NO_LONGER_NEEDED"}


@pytest.mark.parametrize(
    ("changes", "refunded", "canceled", "left"),
    [
        ({}, 0, 0, 3),
        ({"currentTrackingStatuses": [units("INITIATED", 3)]}, 0, 0, 3),
        # A canceled return is completed too; its events show the difference.
        ({"currentTrackingStatuses": [units("COMPLETED", 3)]}, 0, 0, 3),
        ({"returnTrackingDetail": CANCELED}, 0, 3, 0),
        (
            {
                "returnTrackingDetail": CANCELED,
                "currentTrackingStatuses": [units("COMPLETED", 2), units("INITIATED", 1)],
            },
            0,
            2,
            1,
        ),
        (
            {
                "returnTrackingDetail": CANCELED,
                "currentTrackingStatuses": [
                    units("COMPLETED", 1, currentRefundStatus="REFUND_COMPLETED"),
                    units("COMPLETED", 2),
                ],
            },
            1,
            2,
            0,
        ),
        # Elsewhere a status exists for it.
        ({"currentTrackingStatuses": [units("CANCELLED", 3)]}, 0, 3, 0),
        # Refunded units are not canceled, whatever Walmart reports later.
        ({"refundedQty": 2, "currentTrackingStatuses": [units("CANCELLED", 3)]}, 2, 1, 0),
        # A reason and no event: the field of Walmart's OpenAPI document (GET /v3/returns).
        ({**REASON, "currentTrackingStatuses": [units("COMPLETED", 3)]}, 0, 3, 0),
        ({**REASON, "status": "COMPLETED"}, 0, 3, 0),
        (
            {
                **REASON,
                "returnTrackingDetail": [event(0, "RETURN_INITIATED")],
                "currentTrackingStatuses": [units("COMPLETED", 2), units("DELIVERED", 1)],
            },
            0,
            2,
            1,
        ),
        (
            {
                **REASON,
                "refundedQty": 1,
                "currentTrackingStatuses": [
                    units("COMPLETED", 1, currentRefundStatus="REFUND_COMPLETED"),
                    units("COMPLETED", 2),
                ],
            },
            1,
            2,
            0,
        ),
        ({**REASON, "refundedQty": 3, "currentTrackingStatuses": [units("COMPLETED", 3)]}, 3, 0, 0),
        # A reason alone, or an empty one, cancels nothing.
        (REASON, 0, 0, 3),
        ({**REASON, "status": "INITIATED"}, 0, 0, 3),
        ({**REASON, "currentTrackingStatuses": [units("INITIATED", 3)]}, 0, 0, 3),
        (
            {"returnCancellationReason": " ", "currentTrackingStatuses": [units("COMPLETED", 3)]},
            0,
            0,
            3,
        ),
        # Canceled, then started again.
        (
            {"returnTrackingDetail": [*CANCELED, event(2, "RETURN_INITIATED")]},
            0,
            0,
            3,
        ),
        # The line's own status counts where it is the only one.
        ({"status": "CANCELLED"}, 0, 3, 0),
        ({"status": "COMPLETED", "currentRefundStatus": "REFUND_COMPLETED"}, 3, 0, 0),
        ({"status": "CANCELLED", "currentTrackingStatuses": [units("INITIATED", 3)]}, 0, 0, 3),
    ],
)
def test_units_are_refunded_canceled_or_open(
    changes: dict[str, Any], refunded: int, canceled: int, left: int
) -> None:
    (line,) = read_return(entry(**changes)).lines
    assert (line.refunded, line.canceled, line.left) == (refunded, canceled, left)


def test_a_return_with_only_canceled_units_is_canceled() -> None:
    shown = read_return(entry(returnTrackingDetail=CANCELED))
    assert (shown.canceled, shown.refunded, shown.closed) == (True, False, True)


def test_each_line_keeps_its_own_purchase_order() -> None:
    given = entry()
    (line,) = given["returnOrderLines"]
    given["returnOrderLines"] = [
        line,
        line | {"returnOrderLineNumber": 2, "purchaseOrderId": "1796330120076"},
        {name: value for name, value in line.items() if name != "purchaseOrderId"}
        | {"returnOrderLineNumber": 3},
    ]
    shown = read_return(given)
    assert shown.purchase_orders == ("1796330120075", "1796330120076")
    assert [shown.order_of(each) for each in shown.lines] == [
        "1796330120075",
        "1796330120076",
        # A line without a purchase order gets the first one's, as in Walmart's oldest answers.
        "1796330120075",
    ]


@pytest.mark.parametrize(
    "quantity",
    [
        {"unitOfMeasurement": "EACH", "amount": "3"},
        {"unitOfMeasure": "EACH", "measurementValue": "3.0"},
        {"amount": 3},
        "3",
        3,
    ],
)
def test_quantities_are_read_under_the_names_of_either_api(quantity: Any) -> None:
    status = {
        "status": "COMPLETED",
        "currentRefundStatus": "REFUND_COMPLETED",
        "quantity": {"unitOfMeasurement": "EACH", "amount": "1"},
    }
    given = entry(currentTrackingStatuses=[status])
    given["returnOrderLines"][0]["quantity"] = quantity
    (line,) = read_return(given).lines
    assert (line.quantity, line.refunded) == (3, 1)
    # Under the orders API's own names, too.
    status["statusQuantity"] = status.pop("quantity")
    given = entry(orderLineQuantity=quantity, currentTrackingStatuses=[status])
    del given["returnOrderLines"][0]["quantity"]
    (line,) = read_return(given).lines
    assert (line.quantity, line.refunded) == (3, 1)
    (line,) = read_return(entry(refundedQty=quantity)).lines
    assert (line.quantity, line.refunded) == (3, 3)


@pytest.mark.parametrize(("said", "meant"), [("REPLACEMENT", "replacement"), (None, "refund")])
def test_a_return_is_for_a_refund_by_default(said: str | None, meant: str) -> None:
    shown = read_return(entry() | {"returnType": said})
    assert (shown.return_type, shown.closed) == (meant, meant == "replacement")


def test_a_return_is_received_when_its_first_unit_is() -> None:
    def arrived(**changes: Any) -> Return:
        return read_return(entry(**changes))

    assert arrived().arrived_at is None
    later = event(2, "DELIVERED_AT_RETURN_CENTER", "2026-11-23T10:00:00Z")
    status = units("DELIVERED", 1, statusTime="2026-11-22T10:00:00Z")
    shown = arrived(returnTrackingDetail=[later], currentTrackingStatuses=[status])
    assert shown.arrived_at is not None
    assert shown.arrived_at.isoformat() == "2026-11-22T10:00:00+00:00"
    assert shown.refund_by is not None
    assert shown.refund_by.isoformat() == "2026-11-24T10:00:00+00:00"


def test_a_return_without_a_quantity_is_unreadable() -> None:
    with pytest.raises(UnreadableOrder, match="the quantity of a line cannot be read"):
        read_return(entry(quantity="?"))
