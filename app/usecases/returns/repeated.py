"""Finds the refund that a request repeats, by its reference or by a credit memo."""

from dataclasses import dataclass
from datetime import timedelta

from app.domain.orders import commerce_items
from app.domain.orders.commerce_items import Resolved
from app.domain.orders.order import Order
from app.storage.postgres.database import Connection
from app.storage.returns import refunds
from app.storage.returns.refunds import EarlierRefund
from app.usecases.commerce_dedup import duplicates
from app.usecases.returns.open_returns import Fitting

REPEATED_WITHIN = timedelta(days=7)
"""How long the same body, without a key or a reference, is a repetition: as long as responses are
stored under an Idempotency-Key."""
# If another return has come in since, the same body is a repetition for so long only.
_ANY_RETURN_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RefundReference:
    """Identifies a refund request: a repetition gets the first refund.

    A dismissed refund that is not at Walmart answers no repetition (`refunds.answering`).
    """

    text: str
    within: timedelta | None = None
    """How long a repetition is recognised. None means for ever."""
    left: bool = False
    """Units of an earlier refund that Walmart has are subtracted from the request."""


async def earlier(
    connection: Connection,
    order: Order,
    wanted: Resolved | None,
    fitting: Fitting,
    reference: RefundReference | None,
) -> EarlierRefund | None:
    """The refund that a request for a locked order repeats. None means that it is new.

    fitting: the open returns that contain the units.
    """
    if reference is None:
        return None
    found = await _by_reference(connection, order, fitting, reference)
    if found is not None or reference.within is None:
        return found
    units = None if wanted is None else commerce_items.counts(wanted)
    return await duplicates.from_elsewhere(
        connection, order, units, reference.text, reference.within
    )


async def _by_reference(
    connection: Connection, order: Order, fitting: Fitting, reference: RefundReference
) -> EarlierRefund | None:
    place = (order.store_id, order.id)
    # mutation: refund-of-missing-part
    found = await refunds.answering(
        connection, place, reference.text, reference.within, whole=reference.left
    )
    if found is None or reference.within is None or found.ago < _ANY_RETURN_WITHIN:
        return found
    others = [known for known, _ in fitting if known.id != found.return_id]
    return None if others else found
