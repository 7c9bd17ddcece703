"""What a correction makes of a shipment: its fields, and the package that is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.errors import refuse
from app.domain.orders import shipping
from app.domain.orders.order import Order
from app.domain.orders.requests import TrackingCorrection
from app.domain.orders.tracking_key import tracking_key
from app.storage import rate_limits
from app.storage.orders.shipments import StoredShipment
from app.storage.postgres.database import Connection
from app.storage.stores import stores
from app.usecases.orders import carrier_mapping
from app.walmart.shipment_payload import Package


@dataclass(frozen=True, slots=True)
class CorrectedShipment:
    """A shipment after a correction."""

    fields: dict[str, Any]
    """Columns of the shipment."""
    package: Package

    def sends_the_same_as(self, payload: Mapping[str, Any]) -> bool:
        """Whether this is sent as an earlier payload is, but for how the number is written."""
        before, number = Package.from_json(payload), self.package.tracking_number
        same_number = tracking_key(before.tracking_number) == tracking_key(number)
        return same_number and self.package == replace(before, tracking_number=number)


async def check(
    connection: Connection, order: Order, shipment: StoredShipment, correction: TrackingCorrection
) -> CorrectedShipment:
    """Resolve the carrier and check the values of a correction. Raises Invalid."""
    code = correction.carrier_code or shipment.carrier_code
    same_carrier = correction.carrier_code is None and correction.carrier_title is None
    title = correction.carrier_title
    if title is None and correction.carrier_code is None:
        title = shipment.carrier_title
    number = correction.tracking_number or shipment.tracking_number
    url = correction.tracking_url
    # The URL of the old number does not lead to the new package.
    if url is None and same_carrier and correction.tracking_number is None:
        url = shipment.tracking_url
    now = await rate_limits.now(connection)
    rules_of_store = await stores.shipping_rules(connection, order.store_id)
    resolved = carrier_mapping.resolve(rules_of_store, code, title, number, url)
    refuse(
        [
            *shipping.tracking_problems(order, number),
            *shipping.url_problems(url),
            *shipping.correction_problems(order, correction, now),
            *resolved.problems,
        ]
    )
    package = Package.from_json(shipment.payload)
    package = replace(
        package,
        method_code=correction.method_code or package.method_code,
        shipped_at=correction.shipped_at or package.shipped_at,
        carrier=resolved.carrier,
        tracking_number=number,
        tracking_url=resolved.tracking_url,
    )
    fields = {
        "carrier_code": code,
        "carrier_title": title,
        "tracking_number": number,
        "tracking_url": url,
        "walmart_carrier": resolved.stored(),
        "method_code": package.method_code,
        "shipped_at": package.shipped_at,
    }
    return CorrectedShipment(fields, package)
