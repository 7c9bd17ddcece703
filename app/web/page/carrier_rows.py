"""The carriers of a store as rows of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.storage.queries.carriers_in_use import CarrierInUse
from app.storage.queries.views import StoreView
from app.usecases.orders.carrier_mapping import filled

SAMPLE = "1Z999AA10123456784"
"""A tracking number with which an address is shown."""
OTHER = "*"
"""The choice of a carrier that Walmart does not know."""


@dataclass(frozen=True, slots=True)
class CarrierRow:
    """A row of the table."""

    code: str
    carrier: str = ""
    """One of Walmart's carriers, OTHER, or empty for a code that is not mapped."""
    other: str = ""
    url: str = ""
    used: CarrierInUse | None = None
    """What shipments of the last 30 days did with a code that is not mapped."""

    @property
    def unknown(self) -> bool:
        """Whether Waybill did not recognize the carrier: it went out under its own name."""
        return self.used is not None and "other" in self.used.walmart_carrier

    @property
    def preview(self) -> str:
        """The address that a buyer opens, with a sample."""
        return filled(self.url, SAMPLE) or ""

    @property
    def pointer(self) -> str:
        """Where a problem of the row points."""
        return f"/carriers/{self.code.replace('~', '~0').replace('/', '~1')}"


def mapped(store: StoreView) -> list[CarrierRow]:
    """The rows of a store's own carriers, by code."""
    return [_row(code, entry) for code, entry in sorted(store.carriers.items())]


def unmapped(store: StoreView, used: Iterable[CarrierInUse]) -> list[CarrierRow]:
    """The rows of codes that shipments named, and that the store does not map."""
    known = {code.casefold() for code in store.carriers}
    return [CarrierRow(each.code, used=each) for each in used if each.code.casefold() not in known]


def _row(code: str, entry: str | Mapping[str, str | None]) -> CarrierRow:
    if isinstance(entry, str):
        return CarrierRow(code, entry)
    return CarrierRow(code, OTHER, entry["other"] or "", entry.get("tracking_url") or "")
