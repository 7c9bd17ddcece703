"""The tables. Every key begins with the store, so that tables can be distributed by store.

`store_id` is the store's number (the last 32 bits of every id), four bytes instead of
sixteen in each index. Autovacuum's settings of the hot ones are in the migration
202611240301. Start with `order_tables.py` and `update_tables.py`.
"""

from app.storage.tables.audit_tables import audit
from app.storage.tables.base import metadata
from app.storage.tables.commerce_tables import commerce_event_ids, commerce_events
from app.storage.tables.health_tables import (
    delivery_rollup_cursors,
    delivery_rollup_steps,
    delivery_rollups,
)
from app.storage.tables.idempotency_tables import idempotency_keys
from app.storage.tables.import_tables import (
    import_places,
    import_retries,
    imports,
    webhook_events,
    webhooks_expected,
)
from app.storage.tables.job_tables import jobs
from app.storage.tables.lane_tables import lanes, reconciliations
from app.storage.tables.order_tables import (
    events,
    order_count_changes,
    order_counts,
    order_lines,
    orders,
)
from app.storage.tables.return_tables import refunds, return_orders, returns
from app.storage.tables.session_tables import sessions, sign_in_links
from app.storage.tables.shipment_tables import cancellations, shipments
from app.storage.tables.store_tables import (
    api_keys,
    notification_messages,
    notification_queues,
    notifications,
    oauth_credentials,
    oauth_nonces,
    replaced_secrets,
    stores,
)
from app.storage.tables.survey_tables import survey_slots
from app.storage.tables.update_tables import archived_updates, attempts, updates

__all__ = [
    "api_keys",
    "archived_updates",
    "attempts",
    "audit",
    "cancellations",
    "commerce_event_ids",
    "commerce_events",
    "delivery_rollup_cursors",
    "delivery_rollup_steps",
    "delivery_rollups",
    "events",
    "idempotency_keys",
    "import_places",
    "import_retries",
    "imports",
    "jobs",
    "lanes",
    "metadata",
    "notification_messages",
    "notification_queues",
    "notifications",
    "oauth_credentials",
    "oauth_nonces",
    "order_count_changes",
    "order_counts",
    "order_lines",
    "orders",
    "reconciliations",
    "refunds",
    "replaced_secrets",
    "return_orders",
    "returns",
    "sessions",
    "shipments",
    "sign_in_links",
    "stores",
    "survey_slots",
    "updates",
    "webhook_events",
    "webhooks_expected",
]
