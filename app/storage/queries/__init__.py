"""The read side: plain selects into frozen views (`views/`), which the API answers as they are.

Nothing here locks or writes. Lists are paged by key, never by offset. Start with `order_views.py`
for one order, and with `order_lists.py` and `index_scan.py` for a list.
"""

from app.storage.queries.accepted_views import accepted_cancellation, accepted_shipments
from app.storage.queries.attention_groups import (
    attention,
    attention_cause,
    attention_count,
    attention_members,
    database_time,
)
from app.storage.queries.attention_views import AttentionMember
from app.storage.queries.attention_views import member as attention_member
from app.storage.queries.audit_views import AuditFilter, acts
from app.storage.queries.comment_views import comments
from app.storage.queries.commerce_document_search import (
    search_items,
    search_refunds,
    search_shipments,
)
from app.storage.queries.commerce_event_views import (
    CommerceEventFilter,
    commerce_event,
    commerce_events,
)
from app.storage.queries.commerce_numbers import (
    order_of_item,
    refund_of_number,
    shipment_of_number,
)
from app.storage.queries.commerce_order_search import search_orders
from app.storage.queries.database_facts import DatabaseFacts, database_facts
from app.storage.queries.health_views import HealthSpan, health
from app.storage.queries.job_views import job
from app.storage.queries.key_views import KeyFilter, key, keys
from app.storage.queries.operator_metrics import OperatorFigures, figures
from app.storage.queries.order_cards import cards, summary
from app.storage.queries.order_filter import OrderFilter, OrderSort
from app.storage.queries.order_lists import order_keys, orders
from app.storage.queries.order_search import by_commerce_id, by_numbers, exists
from app.storage.queries.order_views import order
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.return_views import ReturnFilter, return_, returns
from app.storage.queries.return_views import cards as return_cards
from app.storage.queries.return_views import summary as return_summary
from app.storage.queries.session_views import session, sessions
from app.storage.queries.shipment_views import (
    cancellation,
    passed_over_warnings,
    shipment,
    shipment_of_update,
    shipment_warnings,
    shipments,
    shipments_by_id,
    state_of,
)
from app.storage.queries.store_names import StoreName, store_names
from app.storage.queries.store_views import store, stores
from app.storage.queries.throughput import Throughput, throughput
from app.storage.queries.timeline_views import TimelinePage, timeline
from app.storage.queries.update_views import (
    UpdateFilter,
    attempts,
    update,
    update_with_attempts,
    updates,
)
from app.storage.queries.update_views import of_orders as updates_of_orders

__all__ = [
    "AttentionMember",
    "AuditFilter",
    "CommerceEventFilter",
    "DatabaseFacts",
    "HealthSpan",
    "KeyFilter",
    "KeysetPage",
    "OperatorFigures",
    "OrderFilter",
    "OrderSort",
    "ReturnFilter",
    "StoreName",
    "Throughput",
    "TimelinePage",
    "UpdateFilter",
    "accepted_cancellation",
    "accepted_shipments",
    "acts",
    "attempts",
    "attention",
    "attention_cause",
    "attention_count",
    "attention_member",
    "attention_members",
    "by_commerce_id",
    "by_numbers",
    "cancellation",
    "cards",
    "comments",
    "commerce_event",
    "commerce_events",
    "database_facts",
    "database_time",
    "exists",
    "figures",
    "health",
    "job",
    "key",
    "keys",
    "order",
    "order_keys",
    "order_of_item",
    "orders",
    "passed_over_warnings",
    "refund_of_number",
    "return_",
    "return_cards",
    "return_summary",
    "returns",
    "search_items",
    "search_orders",
    "search_refunds",
    "search_shipments",
    "session",
    "sessions",
    "shipment",
    "shipment_of_number",
    "shipment_of_update",
    "shipment_warnings",
    "shipments",
    "shipments_by_id",
    "state_of",
    "store",
    "store_names",
    "stores",
    "summary",
    "throughput",
    "timeline",
    "update",
    "update_with_attempts",
    "updates",
    "updates_of_orders",
]
