"""Views of shipments and cancellations right when they are accepted, made without a read."""

from app.domain.update import State
from app.storage.orders.acceptance import Acceptance, cancellation_rows, shipment_rows, update_rows
from app.storage.postgres.session import Row
from app.storage.queries import shipment_views, update_views
from app.storage.queries.views import CancellationView, ShipmentView, UpdateView

# What the database gives a new update.
_NEW_UPDATE: Row = {
    "state": State.PENDING.value,
    "attempts": 0,
    "ambiguous": False,
    "in_doubt_until": None,
    "last_error": None,
    "note": None,
    "dismissed_by": None,
    "finished_at": None,
    "corrects": None,
}


def accepted_shipments(wanted: Acceptance) -> list[ShipmentView]:
    """The shipments of an acceptance, as `shipment` finds each once it is written."""
    written = {"order_id": wanted.version.order.id, "created_at": wanted.version.at}
    rows = zip(shipment_rows(wanted), update_rows(wanted), strict=True)
    return [
        shipment_views.shipment_view({**shipment, **written}, _accepted_update(wanted, update))
        for shipment, update in rows
    ]


def accepted_cancellation(wanted: Acceptance) -> CancellationView:
    """The cancellation of an acceptance, as `cancellation` finds it once it is written."""
    written = {"order_id": wanted.version.order.id, "created_at": wanted.version.at}
    row = {**next(cancellation_rows(wanted)), **written}
    update = _accepted_update(wanted, next(update_rows(wanted)))
    return shipment_views.cancellation_view(row, update)


def _accepted_update(wanted: Acceptance, row: Row) -> UpdateView:
    at = wanted.version.at
    written = {
        "store_uuid": wanted.version.store,
        "order_id": wanted.version.order.id,
        "created_at": at,
        "updated_at": at,
        "due_at": at,
    }
    return update_views.view({**_NEW_UPDATE, **row, **written})
