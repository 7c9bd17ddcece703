"""The payload of a shipment update: the package without its units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from app.walmart.carriers import WalmartCarrier
from app.walmart.request_bodies import ShipLine, shipping_body, tracking_body


@dataclass(frozen=True, slots=True)
class Package:
    """A package that a shipment update sends to Walmart; the payload of the update."""

    carrier: WalmartCarrier
    tracking_number: str
    tracking_url: str | None
    shipped_at: datetime
    method_code: str
    override_cancel_request: bool

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Read a payload that `to_json` made."""
        return cls(
            carrier=WalmartCarrier(
                carrier=payload["carrier"].get("carrier"), other=payload["carrier"].get("other")
            ),
            tracking_number=payload["tracking_number"],
            tracking_url=payload["tracking_url"],
            shipped_at=datetime.fromisoformat(payload["shipped_at"]),
            method_code=payload["method_code"],
            override_cancel_request=payload["override_cancel_request"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the package as the payload of an update."""
        return {
            "carrier": self.carrier_json,
            "tracking_number": self.tracking_number,
            "tracking_url": self.tracking_url,
            "shipped_at": self.shipped_at.isoformat(),
            "method_code": self.method_code,
            "override_cancel_request": self.override_cancel_request,
        }

    @property
    def carrier_json(self) -> dict[str, str]:
        """Return the carrier as it is stored and shown: either carrier or other."""
        if self.carrier.carrier is not None:
            return {"carrier": self.carrier.carrier}
        return {"other": self.carrier.other or ""}

    def body(self, lines: Sequence[ShipLine], seller_order_id: str) -> dict[str, Any]:
        """Return Walmart's request body for these units in this package."""
        return shipping_body(
            lines=lines,
            seller_order_id=seller_order_id,
            shipped_at=self.shipped_at,
            carrier=self.carrier,
            method_code=self.method_code,
            tracking_number=self.tracking_number,
            tracking_url=self.tracking_url,
            override_cancel_request=self.override_cancel_request,
        )

    def correction(
        self, lines: Sequence[ShipLine], seller_order_id: str, current_tracking_number: str
    ) -> dict[str, Any]:
        """Return Walmart's request body that moves these units to this tracking number."""
        return tracking_body(
            lines=lines,
            seller_order_id=seller_order_id,
            shipped_at=self.shipped_at,
            carrier=self.carrier,
            method_code=self.method_code,
            current_tracking_number=current_tracking_number,
            tracking_number=self.tracking_number,
            tracking_url=self.tracking_url,
        )
