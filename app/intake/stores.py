"""Stores: one Commerce store view connected to one Walmart seller account."""

import re
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from app.commerce import signatures
from app.intake.desk import Desk
from app.orders.cancellation import Reason
from app.orders.errors import Conflict, Problem, Unknown, refuse
from app.storage import idempotency, lanes, overview, stores
from app.storage.database import Connection
from app.storage.idempotency import Once
from app.storage.vault import Vault
from app.storage.views import StoreView
from app.walmart import carriers, errors
from app.walmart.markets import Market

MARKETS = tuple(Market)


class _Unchanged(Enum):
    UNCHANGED = "unchanged"


UNCHANGED: Final = _Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class NewStore:
    """A store to connect. carriers: Commerce's codes to Walmart's names (contract, Stores)."""

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
    default_cancellation_reason: str | None = None
    default_tracking_url: str | None = None


@dataclass(frozen=True, slots=True)
class StoreChanges:
    """New values of a store; UNCHANGED leaves one as it is, None takes one away."""

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


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether Walmart accepts the store's credentials, and what it lets them do."""

    ok: bool
    code: str
    message: str
    scopes: Mapping[str, str]


async def create(desk: Desk, new: NewStore, *, actor: str, once: Once | None = None) -> StoreView:
    """Connect a store.

    Raises Invalid, and Conflict store_code_taken, walmart_account_taken or store_name_taken.
    """
    del actor
    values = _values(new)
    values["code"] = values["code"] or _code_of(new.name)
    refuse([*_problems(values), *_commerce_problems({**_NOT_CONNECTED, **values})])
    async with desk.transaction(once) as connection:
        number = await stores.next_number(connection)
        identifier = desk.new_id(number)
        row = {"store_id": number, "id": identifier, **_sealed(values, desk.vault)}
        await _or_taken(stores.add(connection, row))
        view = await _view(connection, identifier)
        await idempotency.keep(connection, once, view)
    return view


async def change(desk: Desk, store_id: UUID, changes: StoreChanges, *, actor: str) -> StoreView:
    """Change a store. Raises Unknown, Invalid, and Conflict as `create` does."""
    del actor
    values = {name: value for name, value in _values(changes).items() if value is not UNCHANGED}
    refuse(list(_problems(values)))
    async with desk.transaction() as connection:
        number = await stores.number_of(connection, store_id)
        if number is None:
            raise Unknown("store", store_id)
        now = await _commerce_now(connection, store_id)
        refuse([*_commerce_problems({**now, **values}), *_moved_problems(now, values)])
        row = _sealed(values, desk.vault)
        await _or_taken(stores.change(connection, number, row))
        view = await _view(connection, store_id)
    desk.walmart.forget(number)
    # New credentials end a pause, so what waited for them may go now.
    desk.wake()
    return view


async def verify(desk: Desk, store_id: UUID) -> Verified:
    """Try the store's Walmart credentials now; where they work, what waits for them goes on.

    Raises Unknown.
    """
    async with desk.transaction() as connection:
        number = await stores.number_of(connection, store_id)
    if number is None:
        raise Unknown("store", store_id)
    try:
        detail = await desk.walmart.check(await desk.account(number))
    except errors.CredentialsRejected as error:
        return Verified(ok=False, code="credentials_rejected", message=str(error), scopes={})
    except errors.WalmartError as error:
        return Verified(ok=False, code="walmart_unavailable", message=str(error), scopes={})
    if detail.scopes.get("orders") not in {None, "full_access"}:
        message = "The keys work but lack full access to orders: grant it in Developer Portal."
        return Verified(ok=False, code="scope_missing", message=message, scopes=detail.scopes)
    async with desk.transaction() as connection:
        await lanes.open_again(connection, number)
    desk.wake()
    message = "Walmart accepts the credentials."
    return Verified(ok=True, code="verified", message=message, scopes=detail.scopes)


def _values(source: NewStore | StoreChanges) -> dict[str, Any]:
    return {each.name: getattr(source, each.name) for each in fields(source)}


def _code_of(name: str) -> str:
    code = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:32]
    return code if code[:1].isalpha() else f"store_{code}".strip("_")


def _problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    if values.get("market") not in {None, *MARKETS}:
        yield Problem("market_not_supported", f"One of {', '.join(MARKETS)} is needed.", "/market")
    code = values.get("code")
    if code is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", code):
        yield Problem(
            "store_code_invalid",
            "A letter, then letters, digits and underscores, at most 32, as in Commerce.",
            "/code",
        )
    reason = values.get("default_cancellation_reason")
    if reason is not None and reason not in set(Reason):
        text = f"One of {', '.join(Reason)} is needed."
        yield Problem("reason_invalid", text, "/default_cancellation_reason")
    for place, pem in enumerate(values.get("commerce_webhook_public_keys") or ()):
        if not signatures.valid_keys([pem]):
            pointer = f"/commerce/webhook_public_keys/{place}"
            text = "A public RSA key in PEM of at least 2048 bits is needed."
            yield Problem("public_key_invalid", text, pointer)
    yield from _template_problems(values.get("default_tracking_url"), "/default_tracking_url")
    for name, entry in (values.get("carriers") or {}).items():
        yield from _carrier_problems(name, entry)


# What a store without a word about Commerce has.
_NOT_CONNECTED: Mapping[str, Any] = {
    "commerce_base_url": None,
    "commerce_access_token": None,
    "commerce_push_orders": False,
    "commerce_stock_id": None,
}


async def _commerce_now(connection: Connection, store_id: UUID) -> dict[str, Any]:
    view = await _view(connection, store_id)
    now = {name: getattr(view, name, None) for name in _NOT_CONNECTED}
    # That there is one is all that is asked of it.
    return now | {"commerce_access_token": "set" if view.commerce_access_token_set else None}


def _commerce_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with how Commerce is called."""
    url, token = values["commerce_base_url"], values["commerce_access_token"]
    if url is not None and not _is_address(url):
        text = "An http(s) address without a query, a fragment and a password is needed."
        yield Problem("commerce_base_url_invalid", text, "/commerce/base_url")
    needed = values["commerce_push_orders"] or values["commerce_stock_id"] is not None
    if needed and not (url and token):
        text = "commerce.base_url and commerce.access_token are needed to call Commerce."
        yield Problem("commerce_access_needed", text, "/commerce")


def _moved_problems(now: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterator[Problem]:
    """Whoever may change the address must not have the token sent to himself."""
    url = changes.get("commerce_base_url")
    moved = url is not None and url != now["commerce_base_url"]
    if moved and now["commerce_access_token"] and "commerce_access_token" not in changes:
        text = "Give commerce.access_token anew: the old one is not sent to a new address."
        yield Problem("commerce_access_needed", text, "/commerce/access_token")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and port_is_one


def _template_problems(template: str | None, pointer: str) -> Iterator[Problem]:
    if template is None:
        return
    if not template.startswith(("http://", "https://")) or "{tracking_number}" not in template:
        text = "An http(s) address with {tracking_number} in it is needed."
        yield Problem("tracking_url_invalid", text, pointer)


def _carrier_problems(name: str, entry: Any) -> Iterator[Problem]:  # noqa: ANN401 - from JSON
    pointer = f"/carriers/{name.replace('~', '~0').replace('/', '~1')}"
    if isinstance(entry, str):
        if carriers.known(entry) is None:
            closest = carriers.closest(entry)
            hint = f" Did you mean {closest}?" if closest else ""
            text = f'Walmart does not know the carrier {entry!r}; name another as {{"other": …}}.'
            yield Problem("carrier_unknown", text + hint, pointer)
        return
    yield from _template_problems(entry.get("tracking_url"), f"{pointer}/tracking_url")


def _sealed(values: Mapping[str, Any], vault: Vault) -> dict[str, Any]:
    row = dict(values)
    for name in ("commerce_webhook_public_keys", "commerce_io_client_ids"):
        if name in row:
            row[name] = list(row[name] or ())
    for name in ("walmart_client_secret", "commerce_access_token"):
        if row.get(name) is not None:
            row[name] = vault.seal(row[name])
    if row.get("carriers") is not None:
        row["carriers"] = {code: _spelled(entry) for code, entry in row["carriers"].items()}
    return row


def _spelled(entry: Any) -> Any:  # noqa: ANN401 - from JSON
    return carriers.known(entry) if isinstance(entry, str) else entry


# What a store alone may have: the code of the refusal, what it says, and the field. None of them
# names the other store, which the key may not see.
_TAKEN: Mapping[str, tuple[str, str, str]] = {
    "code": ("store_code_taken", "Another store has this code.", "/code"),
    "account": (
        "walmart_account_taken",
        "Another store is connected to this Walmart account, and an account has one store.",
        "/walmart/client_id",
    ),
    "name": ("store_name_taken", "Another store has this name.", "/name"),
}


async def _or_taken(write: Awaitable[None]) -> None:
    try:
        await write
    except stores.Taken as error:
        code, message, pointer = _TAKEN[error.what]
        problem = Problem(code, message, pointer, conflict=True)
        raise Conflict(code, message, [problem]) from error


async def _view(connection: Connection, identifier: UUID) -> StoreView:
    view = await overview.store(connection, identifier)
    if view is None:
        raise Unknown("store", identifier)
    return view
