"""Commerce's order for an order of Walmart's, and the lines of its payment information.

The fields are those of Commerce's admin schema 2.4.8, with all that it requires. The buyer pays
Walmart, so the payment method is offline. Walmart remits the taxes, so they are named and not
charged again.
"""

from collections.abc import Sequence
from decimal import Decimal

from app.commerce.client import CommerceOrder
from app.domain.commerce_connection import CommerceConnection
from app.domain.orders.buyer import Buyer
from app.domain.orders.charges import Charges, whole
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot

PAYMENT = "Offline Channel Payment"
SHIPPING = "Channel Shipping"
CURRENCY = "USD"
_CENT = Decimal("0.01")
_NO_NAME = "-"


def units_wanted(snapshot: OrderSnapshot) -> dict[str, int]:
    """Return the units of each line that Commerce must handle: those that are not canceled."""
    wanted = {number: line.ordered - line.canceled for number, line in snapshot.lines.items()}
    return {number: units for number, units in wanted.items() if units > 0}


def entity(
    snapshot: OrderSnapshot,
    buyer: Buyer,
    commerce_connection: CommerceConnection,
    store_view_id: int,
) -> dict[str, object]:
    """Return the order to create, without lines that have no unit left."""
    units = units_wanted(snapshot)
    lines = [(snapshot.lines[number], wanted) for number, wanted in units.items()]
    currency = next((line.currency for line, _ in lines if line.currency), CURRENCY)
    paid = whole(line.paid.share(wanted, line.ordered) for line, wanted in lines)
    method = snapshot.ship_method or "Standard"
    address = _address(buyer)
    first, last = _names(buyer.name)
    items = [_item(line, wanted, store_view_id) for line, wanted in lines]
    return {
        "ext_order_id": snapshot.purchase_order_id,
        **({"ext_customer_id": snapshot.customer_order_id} if snapshot.customer_order_id else {}),
        **_created(snapshot),
        "store_id": store_view_id,
        # Walmart has the money. In this state Commerce can ship and cancel the order.
        "state": "processing",
        "status": "processing",
        "is_virtual": 0,
        "customer_is_guest": 1,
        "customer_email": buyer.email,
        "customer_firstname": first,
        "customer_lastname": last,
        **_amounts(paid, currency),
        "total_qty_ordered": sum(units.values()),
        "total_item_count": len(lines),
        "shipping_description": f"{SHIPPING} - {method}",
        "items": items,
        "billing_address": address | {"address_type": "billing"},
        "payment": {
            "method": commerce_connection.payment_method,
            "account_status": "",
            "cc_last4": "",
            "additional_information": list(payment_lines(snapshot, paid, currency)),
            **_both("amount_ordered", paid.total),
        },
        "extension_attributes": {
            "shipping_assignments": [
                {"shipping": _shipping(address, method), "items": items},
            ]
        },
    }


def payment_lines(snapshot: OrderSnapshot, paid: Charges, currency: str) -> Sequence[str]:
    """Return the lines of the payment information: the order's numbers and Walmart's charges."""
    lines = [PAYMENT, f"External Order Number: {snapshot.purchase_order_id}"]
    if snapshot.customer_order_id:
        lines.append(f"Walmart Customer Order: {snapshot.customer_order_id}")
    for name, amount in (
        ("Discounts at Walmart", paid.discount),
        ("Fees at Walmart, in shipping and handling", paid.fees),
        ("Tax collected by Walmart", paid.tax),
    ):
        if amount:
            lines.append(f"{name}: {amount.quantize(_CENT)} {currency}")
    return lines


def with_payment_line(order: CommerceOrder, line: str) -> dict[str, object]:
    """Return a change that adds a line to the payment, with only the fields Commerce requires.

    Without increment_id some releases of Commerce, and extensions, give the order a new number.
    """
    payment = order.payment
    known = payment.get("additional_information")
    # mutation: payment-lines-kept
    lines = [*known, line] if isinstance(known, list) else [line]
    kept = {name: payment[name] for name in ("entity_id", "parent_id", "method") if name in payment}
    # mutation: number-kept-in-later-save
    return {
        "entity_id": order.entity_id,
        "increment_id": order.number,
        "payment": {
            **kept,
            "account_status": payment.get("account_status") or "",
            "cc_last4": payment.get("cc_last4") or "",
            "additional_information": lines,
        },
    }


def _amounts(paid: Charges, currency: str) -> dict[str, object]:
    """Return the amounts of the whole order."""
    # Commerce has one amount for "Shipping & Handling" and none for other fees.
    shipping = paid.shipping + paid.fees
    return {
        **_both("grand_total", paid.total),
        **_both("subtotal", paid.items),
        **_both("subtotal_incl_tax", paid.items),
        **_both("shipping_amount", shipping),
        **_both("shipping_incl_tax", shipping),
        **_both("tax_amount", Decimal(0)),
        # Negative in an order and positive in an item, as Commerce has it.
        **_both("discount_amount", Decimal(0) - paid.discount),
        **{f"{name}_currency_code": currency for name in ("base", "global", "order", "store")},
        "base_to_order_rate": 1,
        "store_to_order_rate": 0,
    }


def _shipping(address: dict[str, object], method: str) -> dict[str, object]:
    return {
        "address": address | {"address_type": "shipping"},
        "method": f"channelshipping_{method.casefold().replace(' ', '_')}",
    }


def _created(snapshot: OrderSnapshot) -> dict[str, str]:
    at = snapshot.ordered_at
    return {"created_at": f"{at:%Y-%m-%d %H:%M:%S}"} if at is not None else {}


def _item(line: LineSnapshot, units: int, store_view_id: int) -> dict[str, object]:
    price, paid = _price(line), line.paid.share(units, line.ordered)
    return {
        "sku": line.sku,
        "name": line.name or line.sku,
        "product_type": "simple",
        "store_id": store_view_id,
        "qty_ordered": units,
        "ext_order_item_id": line.line_number,
        **_both("price", price),
        **_both("original_price", price),
        **_both("price_incl_tax", price),
        **_both("row_total", paid.items),
        **_both("row_total_incl_tax", paid.items),
        **_both("tax_amount", Decimal(0)),
        **_both("discount_amount", paid.discount),
    }


def _address(buyer: Buyer) -> dict[str, object]:
    first, last = _names(buyer.name)
    return {
        "firstname": first,
        "lastname": last,
        "email": buyer.email,
        "street": list(buyer.street),
        "city": buyer.city,
        "region": buyer.region,
        "region_code": buyer.region,
        "postcode": buyer.postcode,
        "country_id": buyer.country,
        "telephone": buyer.phone or _NO_NAME,
    }


def _names(name: str) -> tuple[str, str]:
    """Split a name into first and last: Commerce requires both, and Walmart has one field."""
    first, _, last = name.strip().rpartition(" ")
    return (first, last) if first else (last, _NO_NAME)


def _price(line: LineSnapshot) -> Decimal:
    return line.unit_price if line.unit_price is not None else Decimal(0)


def _both(name: str, amount: Decimal) -> dict[str, float]:
    """Return an amount in the order's and in the base currency, which are the same here."""
    return {name: _money(amount), f"base_{name}": _money(amount)}


def _money(amount: Decimal) -> float:
    """Return an amount as a JSON number, as Commerce takes it."""
    return float(amount)
