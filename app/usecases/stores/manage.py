"""Connects a Commerce store view to a Walmart seller account, changes and verifies it."""

import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Final
from uuid import UUID

from app import logs
from app.domain import notification_kind
from app.domain.errors import Conflict, Problem, Unknown, refuse
from app.domain.notification_kind import NotificationKind
from app.domain.orders.charges import ChargeAmountIs
from app.domain.seller_credentials import SellerCredentials
from app.storage import audit, idempotency, queries, rate_limits
from app.storage.idempotency import IdempotentRequest
from app.storage.postgres.database import Connection
from app.storage.queries.views import StoreView, View
from app.storage.stores import stores
from app.storage.stores.secrets import SecretCipher
from app.usecases.context import AppContext
from app.usecases.stores import audited, notification_settings, validation
from app.walmart import carriers, errors


class _Unchanged(Enum):
    UNCHANGED = "unchanged"


UNCHANGED: Final = _Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class NewStore:
    """A store to connect."""

    name: str
    walmart_client_id: str
    walmart_client_secret: str = field(repr=False)
    code: str | None = None
    market: str = "US"
    commerce_base_url: str | None = None
    commerce_access_token: str | None = field(default=None, repr=False)
    commerce_push_orders: bool = False
    commerce_payment_method: str | None = None
    commerce_stock_id: int | None = None
    commerce_webhook_public_keys: Sequence[str] = ()
    commerce_io_client_ids: Sequence[str] = ()
    carriers: Mapping[str, Any] = field(default_factory=dict)
    """Commerce's carrier codes to Walmart's carrier names (contract, Stores)."""
    default_cancellation_reason: str | None = None
    default_tracking_url: str | None = None
    admin_order_url: str | None = None
    time_zone: str | None = None
    charge_amount_is: str = ChargeAmountIs.UNIT
    """What Walmart's chargeAmount is for."""
    notifications_url: str | None = field(default=None, repr=False)
    notifications_secret: str | None = field(default=None, repr=False)
    notifications_kinds: Sequence[NotificationKind] = notification_kind.DEFAULT


@dataclass(frozen=True, slots=True)
class StoreChanges:
    """New values of a store. UNCHANGED keeps a value, None removes it."""

    name: Any = UNCHANGED
    walmart_client_id: Any = UNCHANGED
    walmart_client_secret: Any = field(default=UNCHANGED, repr=False)
    code: Any = UNCHANGED
    market: Any = UNCHANGED
    commerce_base_url: Any = UNCHANGED
    commerce_access_token: Any = field(default=UNCHANGED, repr=False)
    commerce_push_orders: Any = UNCHANGED
    commerce_payment_method: Any = UNCHANGED
    commerce_stock_id: Any = UNCHANGED
    commerce_webhook_public_keys: Any = UNCHANGED
    commerce_io_client_ids: Any = UNCHANGED
    carriers: Any = UNCHANGED
    default_cancellation_reason: Any = UNCHANGED
    default_tracking_url: Any = UNCHANGED
    admin_order_url: Any = UNCHANGED
    time_zone: Any = UNCHANGED
    charge_amount_is: Any = UNCHANGED
    notifications_url: Any = field(default=UNCHANGED, repr=False)
    notifications_secret: Any = field(default=UNCHANGED, repr=False)
    notifications_kinds: Any = UNCHANGED
    notifications_old_secret_until: Any = UNCHANGED
    """Until when the secret of before signs as well. None ends it."""


@dataclass(frozen=True, slots=True)
class Verified(View):
    """Whether Walmart accepts the store's credentials, and their scopes."""

    ok: bool
    code: str
    message: str
    scopes: dict[str, str]


async def create(
    context: AppContext, new: NewStore, *, actor: str, once: IdempotentRequest | None = None
) -> StoreView:
    """Connect a store.

    Raises Invalid, and Conflict store_code_taken, walmart_account_taken or store_name_taken.
    """
    values = _values_of(new)
    refuse([*_problems_of(values), *await validation.address_problems(values, context.guards)])
    async with context.transaction(once) as connection:
        number = await stores.next_number(connection)
        identifier = context.new_id(number)
        row = {"store_id": number, "id": identifier, **_sealed(values, context.cipher)}
        await _or_taken(stores.add(connection, row))
        logs.about(store_id=number)
        view = await _view(connection, identifier)
        # mutation: audit-of-stores
        await audit.record(connection, context.new_id, audited.created(view, values, actor))
        await idempotency.store(connection, once, view)
    return view


def check(new: NewStore) -> None:
    """Check the settings of a new store as `create` does, but for its addresses. Raises Invalid."""
    refuse(_problems_of(_values_of(new)))


def _values_of(new: NewStore) -> dict[str, Any]:
    values = _values(new)
    values["code"] = values["code"] or _code_of(new.name)
    return values


def _problems_of(values: Mapping[str, Any]) -> list[Problem]:
    connected = {**validation.NOT_CONNECTED, **values}
    return [*validation.problems(values), *validation.commerce_problems(connected)]


async def change(
    context: AppContext, store_id: UUID, changes: StoreChanges, *, actor: str
) -> StoreView:
    """Change a store. Raises Unknown, Invalid, and Conflict as `create` does."""
    values = {name: value for name, value in _values(changes).items() if value is not UNCHANGED}
    unreachable = await validation.address_problems(values, context.guards)
    refuse([*validation.problems(values), *unreachable])
    async with context.transaction() as connection:
        number = await stores.number_of(connection, store_id)
        if number is None:
            raise Unknown("store", store_id)
        before = await _view(connection, store_id)
        now = _commerce_now(before)
        problems = validation.commerce_problems({**now, **values})
        notified = notification_settings.problems(before.notifications, values, context.now())
        refuse([*problems, *validation.moved_problems(now, values), *notified])
        row = _sealed(values, context.cipher)
        await _or_taken(stores.change(connection, number, row))
        view = await _view(connection, store_id)
        acts = audited.changed(before, view, values, actor)
        await audit.record(connection, context.new_id, *acts)
    context.walmart.forget(number)
    # New credentials end a pause, so updates that waited for them are due now.
    context.wake()
    return view


async def verify(context: AppContext, store_id: UUID) -> Verified:
    """Try the store's Walmart credentials now; if they work, updates that wait for them go on.

    Raises Unknown.
    """
    async with context.transaction() as connection:
        number = await stores.number_of(connection, store_id)
    if number is None:
        raise Unknown("store", store_id)
    verified = await check_walmart(context, await context.account(number))
    if not verified.ok:
        return verified
    async with context.transaction() as connection:
        await rate_limits.open_again(connection, number)
    context.wake()
    return verified


async def check_walmart(context: AppContext, account: SellerCredentials) -> Verified:
    """Whether Walmart accepts credentials, by a new token. Nothing is written."""
    try:
        detail = await context.walmart.check(account)
    except errors.CredentialsRejected as error:
        return Verified(ok=False, code="credentials_rejected", message=str(error), scopes={})
    except errors.WalmartError as error:
        return Verified(ok=False, code="walmart_unavailable", message=str(error), scopes={})
    scopes = dict(detail.scopes)
    if scopes.get("orders") not in {None, "full_access"}:
        message = "The keys work but lack full access to orders: grant it in Developer Portal."
        return Verified(ok=False, code="scope_missing", message=message, scopes=scopes)
    message = "Walmart accepts the credentials."
    return Verified(ok=True, code="verified", message=message, scopes=scopes)


def _values(source: NewStore | StoreChanges) -> dict[str, Any]:
    return {each.name: getattr(source, each.name) for each in fields(source)}


def _code_of(name: str) -> str:
    code = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:32]
    return code if code[:1].isalpha() else f"store_{code}".strip("_")


def _commerce_now(store: StoreView) -> dict[str, Any]:
    commerce = store.commerce
    return {
        "commerce_base_url": commerce.base_url,
        # Only its presence matters.
        "commerce_access_token": "set" if commerce.access_token_set else None,
        "commerce_push_orders": commerce.push_orders,
        "commerce_stock_id": commerce.stock_id,
    }


def _sealed(values: Mapping[str, Any], cipher: SecretCipher) -> dict[str, Any]:
    row = {name: value for name, value in values.items() if not name.startswith("notifications_")}
    for name in ("commerce_webhook_public_keys", "commerce_io_client_ids"):
        if name in row:
            row[name] = list(row[name] or ())
    for name in ("walmart_client_secret", "commerce_access_token"):
        if row.get(name) is not None:
            row[name] = cipher.seal(row[name])
    row |= notification_settings.columns(values, cipher)
    if row.get("carriers") is not None:
        row["carriers"] = {code: _spelled(entry) for code, entry in row["carriers"].items()}
    return row


def _spelled(entry: Any) -> Any:  # noqa: ANN401 - from JSON
    return carriers.known(entry) if isinstance(entry, str) else entry


# What must be unique among stores: the problem's code, message and pointer. No message names the
# other store, since the key may not see it.
_TAKEN: Mapping[str, tuple[str, str, str]] = {
    "code": ("store_code_taken", "Another store has this code.", "/code"),
    "account": (
        "walmart_account_taken",
        "Another store is connected to this Walmart account. An account has one store.",
        "/walmart/client_id",
    ),
    "name": ("store_name_taken", "Another store has this name.", "/name"),
}


async def _or_taken(write: Awaitable[None]) -> None:
    try:
        await write
    except stores.AlreadyInUse as error:
        code, message, pointer = _TAKEN[error.what]
        problem = Problem(code, message, pointer, conflict=True)
        raise Conflict(code, message, [problem]) from error


async def _view(connection: Connection, identifier: UUID) -> StoreView:
    view = await queries.store(connection, identifier)
    if view is None:
        raise Unknown("store", identifier)
    return view
