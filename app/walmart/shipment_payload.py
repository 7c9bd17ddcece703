"""A package as it waits in the outbox: all that Walmart is told about it but the units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from app.walmart.carriers import WalmartCarrier
from app.walmart.request_bodies import ShipLine, shipping_body, tracking_body


@dataclass(frozen=True, slots=True)
class Package:
    """What a shipment update will tell Walmart; kept as the update's payload."""

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
        """The package as an update's payload."""
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
        """Walmart's carrier as it is kept and shown: one of carrier and other."""
        if self.carrier.carrier is not None:
            return {"carrier": self.carrier.carrier}
        return {"other": self.carrier.other or ""}

    def body(self, lines: Sequence[ShipLine], seller_order_id: str) -> dict[str, Any]:
        """The exact body that tells Walmart these units left in this package."""
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
        """The exact body that gives these units, shipped under another number, this package's."""
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
