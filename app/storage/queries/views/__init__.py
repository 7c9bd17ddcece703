"""Frozen views of orders, shipments, updates, returns and stores: the response models of the API.

A view has the fields of the JSON that the API answers, so no schema of the web layer repeats it.
The modules beside this package make views from selects; a view is never written back. Start with
`base.py`.
"""

from app.storage.queries.views.attention import (
    AttentionFixView,
    AttentionGroupView,
    AttentionMemberView,
)
from app.storage.queries.views.audit import AuditedActView
from app.storage.queries.views.base import View, cache_schemas
from app.storage.queries.views.events import CommerceEventView, TimelineEntry
from app.storage.queries.views.health import (
    AnnouncementsView,
    BacklogView,
    ComparisonView,
    DeliveriesView,
    DeliveryPointView,
    HealthView,
    KindDeliveriesView,
    LaneHealthView,
    ReadingHealthView,
    StoreHealthView,
)
from app.storage.queries.views.jobs import JobResultView, JobView
from app.storage.queries.views.keys import KeyView
from app.storage.queries.views.orders import (
    CancelRequestedView,
    CommerceItemView,
    MoneyView,
    OrderCardsView,
    OrderCardView,
    OrderLineView,
    OrderLinksView,
    OrderView,
    QuantityView,
    ReturnRequestedView,
    SyncView,
)
from app.storage.queries.views.returns import (
    RefundItemView,
    RefundOfReturnView,
    ReturnCardsView,
    ReturnCardView,
    ReturnedOrderView,
    ReturnItemView,
    ReturnView,
)
from app.storage.queries.views.sessions import SessionView
from app.storage.queries.views.shipments import (
    CancellationView,
    ItemView,
    ShipmentView,
    StockLevelView,
    WarningView,
)
from app.storage.queries.views.stores import (
    CommerceView,
    NotificationsView,
    StoreView,
    WalmartView,
)
from app.storage.queries.views.updates import (
    AttemptView,
    CallView,
    FixView,
    LineUnitsView,
    StatusDetail,
    UpdateView,
    UpdateWithAttemptsView,
)

__all__ = [
    "AnnouncementsView",
    "AttemptView",
    "AttentionFixView",
    "AttentionGroupView",
    "AttentionMemberView",
    "AuditedActView",
    "BacklogView",
    "CallView",
    "CancelRequestedView",
    "CancellationView",
    "CommerceEventView",
    "CommerceItemView",
    "CommerceView",
    "ComparisonView",
    "DeliveriesView",
    "DeliveryPointView",
    "FixView",
    "HealthView",
    "ItemView",
    "JobResultView",
    "JobView",
    "KeyView",
    "KindDeliveriesView",
    "LaneHealthView",
    "LineUnitsView",
    "MoneyView",
    "NotificationsView",
    "OrderCardView",
    "OrderCardsView",
    "OrderLineView",
    "OrderLinksView",
    "OrderView",
    "QuantityView",
    "ReadingHealthView",
    "RefundItemView",
    "RefundOfReturnView",
    "ReturnCardView",
    "ReturnCardsView",
    "ReturnItemView",
    "ReturnRequestedView",
    "ReturnView",
    "ReturnedOrderView",
    "SessionView",
    "ShipmentView",
    "StatusDetail",
    "StockLevelView",
    "StoreHealthView",
    "StoreView",
    "SyncView",
    "TimelineEntry",
    "UpdateView",
    "UpdateWithAttemptsView",
    "View",
    "WalmartView",
    "WarningView",
    "cache_schemas",
]
