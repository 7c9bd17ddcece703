"""The read side: plain selects into frozen views, for people and their systems.

Nothing here locks or writes. Lists are paged by key, never by offset.
"""

from app.storage.overview.accepted_views import accepted_shipment
from app.storage.overview.criteria import search as search_orders
from app.storage.overview.operator_views import Figures, figures
from app.storage.overview.order_finding import by_commerce_id, by_numbers, exists
from app.storage.overview.order_lists import OrderFilter, orders, summary
from app.storage.overview.order_views import order
from app.storage.overview.paging import Page
from app.storage.overview.return_views import ReturnFilter, return_, returns
from app.storage.overview.return_views import summary as return_summary
from app.storage.overview.shipment_views import cancellation, shipment, shipments
from app.storage.overview.store_views import store, stores
from app.storage.overview.tally_views import Tally, tally
from app.storage.overview.timeline_views import timeline
from app.storage.overview.update_views import UpdateFilter, attempts, update, updates

__all__ = [
    "Figures",
    "OrderFilter",
    "Page",
    "ReturnFilter",
    "Tally",
    "UpdateFilter",
    "accepted_shipment",
    "attempts",
    "by_commerce_id",
    "by_numbers",
    "cancellation",
    "exists",
    "figures",
    "order",
    "orders",
    "return_",
    "return_summary",
    "returns",
    "search_orders",
    "shipment",
    "shipments",
    "store",
    "stores",
    "summary",
    "tally",
    "timeline",
    "update",
    "updates",
]
