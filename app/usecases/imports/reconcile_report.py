"""The findings of a reconciliation, and their counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.domain.orders import drift
from app.domain.orders.drift import Drift
from app.storage.imports import reconciliations

MOST_KEPT = 1000
"""Findings that are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class ReconcileFinding:
    """A difference between our order and Walmart's."""

    purchase_order_id: str
    order_id: UUID | None
    drift: Drift
    mended: bool
    """Our order was brought in line with Walmart."""

    @property
    def shown(self) -> dict[str, object]:
        """The finding as it is kept for a person."""
        return {
            "number": self.purchase_order_id,
            "order_id": str(self.order_id) if self.order_id else None,
            "cause": self.drift.cause.value,
            "line_number": self.drift.line_number,
            "message": self.drift.sentence,
        }


@dataclass(slots=True)
class ReconcileReport:
    """The result of a store's run."""

    store_id: int
    orders: int = 0
    unread: int = 0
    """Orders that could not be read one by one."""
    findings: list[ReconcileFinding] = field(default_factory=list)
    stopped: str | None = None
    """Why the run stopped early. None means that it finished."""

    @property
    def left(self) -> Sequence[ReconcileFinding]:
        """Findings that need a person."""
        return [each for each in self.findings if not each.mended]

    @property
    def tally(self) -> reconciliations.ReconcileTotals:
        """The counts of the run."""
        causes = Counter(each.drift.cause.value for each in self.left)
        repaired = len(self.findings) - len(self.left)
        shown = [each.shown for each in self.left[:MOST_KEPT]]
        return reconciliations.ReconcileTotals(self.orders, repaired, causes, self.stopped, shown)

    def add(
        self, number: str, order_id: UUID | None, found: Sequence[Drift], *, believed: bool = False
    ) -> None:
        """Add findings about an order. believed: Walmart's order was taken where that is safe."""
        for each in found:
            mended = believed and each.repair is not drift.Repair.PERSON
            self.findings.append(ReconcileFinding(number, order_id, each, mended))
