"""Reasons to cancel an order, in words of a merchant."""

from collections.abc import Mapping

from app.domain.orders.cancellation import Reason
from app.web.page.i18n import deferred

REASONS: Mapping[str, str] = {
    Reason.OUT_OF_STOCK: deferred("Out of stock"),
    Reason.PRICING_ERROR: deferred("Wrong price"),
    Reason.ADDRESS_NOT_SERVICEABLE: deferred("Cannot ship to the address"),
    Reason.FRAUD: deferred("Suspected fraud"),
    Reason.CUSTOMER_REQUEST: deferred("The buyer asked for it"),
}
