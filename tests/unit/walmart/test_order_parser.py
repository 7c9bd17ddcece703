import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders.snapshot import UnitStatus
from app.walmart.request_bodies import UnreadableOrder, read_order_body
from tests.unit.walmart.builders import PO, a_line, an_order, schema, units

UPS = {
    "shipDateTime": 1795428000000,
    "carrierName": {"carrier": "UPS"},
    "methodCode": "Standard",
    "trackingNumber": "1Z9",
}


def unlisted(value: Any) -> Any:
    """Replace every list of one element by the element, as JSON converted from XML shows it."""
    if isinstance(value, dict):
        return {key: unlisted(item) for key, item in value.items()}
    if isinstance(value, list):
        return unlisted(value[0]) if len(value) == 1 else [unlisted(item) for item in value]
    return value


def retyped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Give every quantity another JSON type."""
    if isinstance(value, dict):
        return {
            key: change(item)
            if key == "amount" and isinstance(item, str)
            else retyped(item, change)
            for key, item in value.items()
        }
    return [retyped(item, change) for item in value] if isinstance(value, list) else value


def a_partly_shipped_order() -> dict[str, Any]:
    shipped = units("Shipped", "2", trackingInfo=UPS)
    return an_order(a_line("4", "3", shipped, units("Acknowledged", "1")), a_line("7", "1"))


def test_an_order_is_read_with_its_units_by_status() -> None:
    order = read_order_body(a_partly_shipped_order())
    line = order.lines["4"]
    assert (line.ordered, line.shipped, line.open, line.sku) == (3, 2, 1, "SKU-4")
    assert line.shipped_under("1z9") == 2
    assert line.units[0].carrier == "UPS"
    assert (line.unit_price, line.currency, line.name) == (Decimal("14.5"), "USD", "Kettle")
    assert list(order.lines) == ["4", "7"]
    assert (order.purchase_order_id, order.customer_order_id) == (PO, "5281956426648")
    assert order.ordered_at == datetime.fromtimestamp(1795421000, UTC)
    assert order.ship_by == datetime.fromtimestamp(1795600000, UTC)
    assert order.deliver_by == datetime.fromtimestamp(1795900000, UTC)
    assert (order.ship_method, order.node_type) == ("Standard", "SellerFulfilled")
    assert order.unreadable == ()


@pytest.mark.parametrize(
    "change",
    [
        unlisted,
        lambda body: body["order"],
        lambda body: {"order": [body["order"]]},
        lambda body: retyped(body, int),
        lambda body: retyped(body, float),
        lambda body: retyped(body, lambda amount: f"{amount}.0000"),
        lambda body: retyped(body, lambda amount: f" {amount} "),
        lambda body: {**body, "miscAttributes": [1], "links": {}},
    ],
)
def test_other_shapes_of_an_order_read_the_same(change: Callable[[Any], Any]) -> None:
    body = a_partly_shipped_order()
    assert read_order_body(change(body)) == read_order_body(body)


@given(
    st.lists(
        st.tuples(st.sampled_from([status.value for status in UnitStatus]), st.integers(0, 10**6)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([str, int, float, lambda amount: f"{amount}.0000"]),
    st.sampled_from([str.upper, str.lower, str]),
    st.dictionaries(st.text(min_size=12), st.integers() | st.text() | st.none(), max_size=3),
)
def test_no_unit_is_lost_or_invented_in_any_shape(
    parts: list[tuple[str, int]],
    typed: Callable[[int], object],
    cased: Callable[[str], str],
    unknown: dict[str, object],
) -> None:
    entries = [{**unknown, **units(cased(word), typed(amount))} for word, amount in parts]
    line = {**unknown, **a_line("1", typed(10**7), *entries)}
    read = read_order_body(json.loads(json.dumps(an_order(line)))).lines["1"]
    assert [(part.status.value, part.quantity) for part in read.units] == parts
    assert read.ordered == 10**7


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["order", "orderLines", "orderLine", "lineNumber", "purchaseOrderId"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_other_input_is_an_unreadable_order(payload: object) -> None:
    with pytest.raises(UnreadableOrder):
        read_order_body(payload)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"lineNumber": None}, "lineNumber"),
        ({"orderLineQuantity": None}, "quantity of line 1"),
        ({"orderLineQuantity": {"amount": "1.5"}}, "quantity of line 1"),
        ({"orderLineQuantity": {"amount": "-1"}}, "quantity of line 1"),
        ({"orderLineQuantity": {"amount": "many"}}, "quantity of line 1"),
        ({"orderLineQuantity": {"amount": True}}, "quantity of line 1"),
        ({"orderLineQuantity": {"amount": "1e999999"}}, "quantity of line 1"),
        ({"orderLineStatuses": {"orderLineStatus": ["Shipped"]}}, "orderLineStatus"),
        ({"orderLineStatuses": {"orderLineStatus": [{"status": "Shipped"}]}}, "units of line 1"),
        ({"orderLineStatuses": {"orderLineStatus": [units("", "1")]}}, "status"),
    ],
)
def test_unclear_quantities_make_the_order_unreadable(line: dict[str, object], what: str) -> None:
    with pytest.raises(UnreadableOrder, match=what):
        read_order_body(an_order({**a_line(), **line}))


def test_a_duplicate_line_makes_the_order_unreadable() -> None:
    with pytest.raises(UnreadableOrder, match="line 1 is there twice"):
        read_order_body(an_order(a_line("1"), a_line("1")))


def test_ignored_parts_of_an_order_are_named() -> None:
    body = an_order(a_line("1", "2", units("OnHold", "1"), units("Created", "1")))
    body["order"]["orderDate"] = "yesterday"
    del body["order"]["orderLines"]["orderLine"][0]["item"]["sku"]
    order = read_order_body(body)
    assert order.unreadable == ("line 1: no sku", "line 1: status OnHold", "orderDate")
    assert order.lines["1"].count(UnitStatus.OTHER) == 1
    assert order.ordered_at is None


def test_a_date_may_be_iso_text() -> None:
    body = an_order()
    body["order"]["orderDate"] = "2026-11-23T10:00:00.000Z"
    assert read_order_body(body).ordered_at == datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("true", True),
        ("Y", True),
        (True, True),
        ("2026-11-23", True),
        (None, False),
        ("", False),
        ("False", False),
        ("no", False),
        (False, False),
    ],
)
def test_a_buyers_request_to_cancel_is_read(said: object, asked: bool) -> None:
    order = read_order_body(an_order({**a_line(), "intentToCancel": said}))
    assert order.cancel_requested == (("1",) if asked else ())


def test_the_item_price_excludes_discounts_and_shipping() -> None:
    def charge(kind: str, name: str, amount: object) -> dict[str, object]:
        money = {"currency": "USD", "amount": amount}
        return {"chargeType": kind, "chargeName": name, "chargeAmount": money}

    charges = [
        charge("SHIPPING", "Shipping", "5.00"),
        charge("PRODUCT", "SubscriptionDiscount", "-1.00"),
        charge("PRODUCT", "ItemPrice", "9.90"),
    ]
    order = read_order_body(an_order({**a_line(), "charges": {"charge": charges}}))
    assert order.lines["1"].unit_price == Decimal("9.90")


def test_a_carrier_is_read_from_either_field() -> None:
    for name in ({"otherCarrier": "Acme"}, {"carrier": None, "otherCarrier": "Acme"}, "Acme"):
        part = units("Delivered", "1", trackingInfo={**UPS, "carrierName": name})
        order = read_order_body(an_order(a_line("1", "1", part)))
        assert order.lines["1"].units[0].carrier == "Acme"


def test_the_reason_of_a_cancellation_is_kept() -> None:
    part = units("Cancelled", "1", cancellationReason="Auto cancel")
    order = read_order_body(an_order(a_line("1", "1", part)))
    assert order.lines["1"].units[0].cancellation_reason == "Auto cancel"


def test_the_order_builder_of_these_tests_matches_walmarts_orders() -> None:
    schema("order").validate(a_partly_shipped_order())
