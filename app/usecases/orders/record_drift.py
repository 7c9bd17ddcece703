"""Records differences between an order and Walmart on the order's timeline."""

from collections.abc import Sequence
from typing import Any

from app.domain.notification_kind import NotificationKind
from app.domain.orders.drift import Drift, Repair
from app.domain.orders.order import Order
from app.domain.orders.order_event import OrderEvent
from app.storage import occurrences, timeline
from app.storage.imports import reconciliations
from app.storage.postgres.database import Connection
from app.usecases.context import AppContext


async def record(
    connection: Connection,
    context: AppContext,
    order: Order,
    found: Sequence[Drift],
    *,
    mended: bool,
) -> None:
    """Add differences to the order's timeline, unless the last entry has the same.

    The store is notified of those about which a person must decide.
    """
    detail = {"drift": shown(found, mended=mended)}
    if found and not await reconciliations.reported_before(
        connection, order.store_id, order.id, detail
    ):
        event = timeline.TimelineEvent(OrderEvent.DRIFT_FOUND, detail=detail)
        await timeline.add(connection, order.store_id, order.id, event, context.new_id)
        left = [each for each in detail["drift"] if each["repair"] == Repair.PERSON.value]
        if left:
            causes = sorted({each["cause"] for each in left})
            await occurrences.report(
                connection, NotificationKind.DRIFT, order.store_id, order.id, {"causes": causes}
            )


def shown(found: Sequence[Drift], *, mended: bool) -> list[dict[str, Any]]:
    """Differences as JSON of a timeline entry."""
    return [
        {
            "cause": each.cause.value,
            "line_number": each.line_number,
            "here": each.here,
            "walmart": each.walmart,
            "repair": each.repair.value if mended else Repair.PERSON.value,
            "message": each.sentence,
        }
        for each in found
    ]
