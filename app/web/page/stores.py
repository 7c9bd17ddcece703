"""/stores and /stores/{store_id}: the stores, and how each is set up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import Response

from app.domain.audited_act import AuditedAct
from app.domain.errors import Unknown
from app.storage import queries
from app.storage.postgres.database import Connection
from app.storage.queries import AuditFilter, KeyFilter, KeysetPage
from app.storage.queries.audit_views import LastSet, secrets_set
from app.storage.queries.carriers_in_use import carriers_in_use
from app.storage.queries.views import AuditedActView, KeyView, StoreView
from app.web import pagination
from app.web.page import audit_words, carrier_rows, store_state
from app.web.page.cancellation_words import REASONS
from app.web.page.context import PageContext, PageReading
from app.web.page.notification_words import NAMES
from app.web.page.route import PageRouter

router = PageRouter()
_PER_PAGE = 50
_CHANGES, _KEYS = 10, 20
_MARKETS = {"US": "Walmart.com", "CA": "Walmart.ca", "MX": "Walmart.com.mx"}


@dataclass(frozen=True, slots=True)
class StoreDetails:
    """What only administrators see of a store."""

    secrets: Mapping[str, LastSet]
    changes: Sequence[AuditedActView]
    tested: AuditedActView | None
    """The last test notification."""
    keys: Sequence[KeyView]


@router.get("/stores")
async def stores_page(context: PageReading, cursor: pagination.Cursor = None) -> Response:
    """The stores that the person may see, in the order in which they were connected."""
    page = pagination.page(_PER_PAGE, cursor, "stores")
    only = context.store.store_id if context.store else context.caller.store_id
    async with context.app.database.read() as connection:
        found, after = await queries.stores(connection, only, page)
    following = pagination.next_cursor(after, "stores")
    return context.render(
        "stores.html",
        stores=found,
        state=store_state.state_of,
        markets=_MARKETS,
        older=context.link("/stores", cursor=following) if following else "",
        newer=context.link("/stores") if cursor else "",
        may_connect=context.may("admin") and context.caller.store_id is None,
    )


@router.get("/stores/{store_id}")
async def store_page(context: PageReading, store_id: UUID) -> Response:
    """One store."""
    async with context.app.database.read() as connection:
        store = await store_in(context, connection, store_id)
        used = await carriers_in_use(connection, store.store_id)
        details = await _details(connection, store) if context.may("admin") else None
    viewer = context.viewer
    return context.render(
        "store.html",
        store=store,
        details=details,
        state=store_state.state_of(store),
        troubles=[store_state.trouble(detail, viewer) for detail in store.status_details],
        market=_MARKETS.get(store.market, store.market),
        carriers=carrier_rows.mapped(store),
        unmapped=[row for row in carrier_rows.unmapped(store, used) if row.unknown],
        reasons=REASONS,
        kind_names=NAMES,
        sentence=lambda act: audit_words.sentence(act, viewer),
        changed=lambda act: audit_words.changed(act, viewer),
    )


async def store_in(context: PageContext, connection: Connection, store_id: UUID) -> StoreView:
    """A store that the person may see. Raises Unknown."""
    context.store_of(store_id, "store")
    store = await queries.store(connection, store_id)
    if store is None:
        raise Unknown("store", store_id)
    return store


async def _details(connection: Connection, store: StoreView) -> StoreDetails:
    number = store.store_id
    changes, _ = await queries.acts(
        connection, AuditFilter(number, what=_SHOWN), KeysetPage(_CHANGES)
    )
    tested, _ = await queries.acts(
        connection, AuditFilter(number, what=(AuditedAct.NOTIFICATION_TESTED,)), KeysetPage(1)
    )
    keys, _ = await queries.keys(connection, KeyFilter(number, working=True), KeysetPage(_KEYS))
    secrets = await secrets_set(connection, number)
    return StoreDetails(secrets, changes, tested[0] if tested else None, keys)


# What changes how the store works; the rest is in the timelines of orders.
_SHOWN = (
    AuditedAct.STORE_CREATED,
    AuditedAct.STORE_CHANGED,
    AuditedAct.STORE_CREDENTIALS_CHANGED,
    AuditedAct.STORE_CARRIERS_CHANGED,
    AuditedAct.STORE_NOTIFICATIONS_CHANGED,
    AuditedAct.WALMART_SUBSCRIBED,
    AuditedAct.KEY_CREATED,
    AuditedAct.KEY_ROTATED,
    AuditedAct.KEY_REVOKED,
)
