"""Tries credentials of Walmart and Commerce before they are saved. Nothing is written."""

from dataclasses import dataclass, field

from app.commerce.errors import CommerceError
from app.domain.commerce_connection import CommerceConnection
from app.domain.errors import refuse
from app.domain.seller_credentials import SellerCredentials
from app.http_client.call import Call, ErrorClass
from app.storage.audit import NO_STORE
from app.storage.queries.views import View
from app.usecases.context import AppContext
from app.usecases.stores import manage, validation
from app.usecases.stores.manage import Verified


@dataclass(frozen=True, slots=True)
class AccessToTry:
    """Credentials to try; None leaves a system out."""

    market: str
    walmart: tuple[str, str] | None = field(default=None, repr=False)
    """Client id and secret."""
    commerce: tuple[str, str, str] | None = field(default=None, repr=False)
    """The store view's code, the base URL and the access token."""


@dataclass(frozen=True, slots=True)
class TriedCommerce(View):
    """Whether Commerce accepts an access token, and has the store view."""

    ok: bool
    code: str
    """works, credentials_rejected, store_view_missing or commerce_unavailable."""
    message: str


@dataclass(frozen=True, slots=True)
class TriedAccess(View):
    """What Walmart and Commerce answered; null for a system that was not tried."""

    walmart: Verified | None
    commerce: TriedCommerce | None


async def try_access(context: AppContext, given: AccessToTry) -> TriedAccess:
    """Try credentials. Raises Invalid for a market, code or address that cannot be."""
    values: dict[str, object] = {"market": given.market}
    if given.commerce is not None:
        code, url, token = given.commerce
        values |= {
            **validation.NOT_CONNECTED,
            "code": code,
            "commerce_base_url": url,
            "commerce_access_token": token,
        }
        found = list(validation.commerce_problems(values))
        found += await validation.address_problems(values, context.guards)
        refuse([*validation.problems(values), *found])
    refuse(list(validation.problems(values)))
    return TriedAccess(await _walmart(context, given), await _commerce(context, given))


async def _walmart(context: AppContext, given: AccessToTry) -> Verified | None:
    if given.walmart is None:
        return None
    account = SellerCredentials(NO_STORE, *given.walmart, market=given.market)
    try:
        return await manage.check_walmart(context, account)
    finally:
        context.walmart.forget(NO_STORE)


async def _commerce(context: AppContext, given: AccessToTry) -> TriedCommerce | None:
    if given.commerce is None:
        return None
    connection = CommerceConnection(NO_STORE, *given.commerce)
    try:
        await context.commerce.store_view_id(connection, _not_kept)
    except CommerceError as error:
        return TriedCommerce(ok=False, code=_code(error), message=str(error))
    return TriedCommerce(ok=True, code="works", message="Commerce accepts the access token.")


def _code(error: CommerceError) -> str:
    if error.error_class is ErrorClass.CREDENTIALS_REJECTED:
        return "credentials_rejected"
    # Commerce answers 404 under the path of a store view that it does not have.
    if error.error_class in {ErrorClass.REFUSED, ErrorClass.NOT_FOUND}:
        return "store_view_missing"
    return "commerce_unavailable"


def _not_kept(_: Call) -> None:
    """No evidence is kept of a try."""
