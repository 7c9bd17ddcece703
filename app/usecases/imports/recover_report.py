"""The result of a recovery after a restored backup."""

from dataclasses import dataclass, field

from app.domain.orders.unrequested import UnrequestedUnits
from app.storage.recording.recovery import Level


@dataclass(frozen=True, slots=True)
class RecoverFinding:
    """Units at Walmart that no stored update asked for."""

    purchase_order_id: str | None
    units: UnrequestedUnits
    return_order_id: str | None = None
    """The return that the units are of, if they are refunded units."""


@dataclass(slots=True)
class RecoverReport:
    """The result of a store's recovery."""

    store_id: int
    in_doubt: int = 0
    levels: list[Level] = field(default_factory=list)
    orders: int = 0
    imported: int = 0
    returns: int = 0
    findings: list[RecoverFinding] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    """Why orders could not be read, by purchase order number."""
    unknown: list[str] = field(default_factory=list)
    """Purchase order numbers of our orders that Walmart does not know."""
    stopped: str | None = None
    """Why the reading stopped early. None means that it finished."""
