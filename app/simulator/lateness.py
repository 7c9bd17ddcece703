"""Late orders: Walmart cancels units that are not shipped in time.

It does so four days after the estimated ship date in the US, and seven in CA (Walmart, "Purchase
order line auto-canceled" and "Manage order status").
"""

from app.simulator.ledger import Effect
from app.simulator.orders import ACKNOWLEDGED, CANCELLED, CREATED, Parcel, SimulatedOrder

_DAY_MS = 86_400_000
_GRACE_DAYS = {"us": 4, "ca": 7, "mx": 4}
REASON = "AUTO_CANCEL_LATE_SHIPMENT"


def cancel_late(order: SimulatedOrder, now: int) -> list[Effect]:
    """Cancel the open units of a late order. now is in milliseconds since 1970."""
    if now <= order.ship_by + _GRACE_DAYS[order.market] * _DAY_MS:
        return []
    effects = []
    for line in order.lines.values():
        units = line.units(CREATED, ACKNOWLEDGED)
        if units:
            line.move((CREATED, ACKNOWLEDGED), Parcel(CANCELLED, units, None, REASON), now)
            effects.append(Effect("auto_cancelled", line.number, units, reason=REASON))
    return effects
