"""Cache of Walmart's access tokens: one for each store, shared by its calls, renewed in time.

A token lives 900 s (POST /v3/token, grant client_credentials). The request for a token has no
effect on orders, so it may be repeated, and its failure means that the call itself was not sent.
"""

import asyncio
import base64
import math
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import tenacity

from app.domain.seller_credentials import SellerCredentials
from app.http_client import call as calls
from app.http_client.call import ErrorClass
from app.http_client.exchange import Exchange, HttpReply, HttpRequest
from app.walmart import errors, markets

TRIES = 3
# A token is not used in its last minute, so that a slow call does not outlive it.
MARGIN = timedelta(seconds=60)
_LIFETIME_SECONDS = 900
_LONGEST_LIFETIME = 86_400
_LONGEST_WAIT_SECONDS = 0.5
_OK, _BAD_REQUEST, _NOT_FOUND = 200, 400, 404
_XML_TOKEN = re.compile(r"<accessToken>\s*([^<\s]+)\s*</accessToken>")
_XML_LIFETIME = re.compile(r"<expiresIn>\s*(\d+)\s*</expiresIn>")
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token, and when a new one is requested."""

    value: str = field(repr=False)
    good_until: datetime


@dataclass(slots=True)
class _Slot:
    credentials: tuple[str, str] = field(repr=False)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: AccessToken | None = None
    fetches: int = 0
    error: errors.WalmartError | None = None


class TokenCache:
    """Tokens by store. Concurrent calls of a store share one request and its result.

    sleep and jitter (0 to 1) make the short waits between tries.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._exchange = exchange
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self._slots: dict[int, _Slot] = {}

    def forget(self, store_id: int) -> None:
        """Drop a store's token. A request that is under way is not reused either."""
        self._slots.pop(store_id, None)

    async def get(
        self, account: SellerCredentials, deadline: float, *, rejected: str | None = None
    ) -> str:
        """Return the store's token. rejected: a token that Walmart has just rejected.

        deadline is a time of the loop's clock. Raises NotSent (no token in time, or no answer),
        CredentialsRejected, Throttled, Unavailable or Misconfigured; never CallUnclear.
        """
        slot = self._slot(account)
        if value := self._usable(slot, rejected):
            return value
        seen = slot.fetches
        await _locked(slot.lock, deadline)
        try:
            if value := self._usable(slot, rejected):
                return value
            if slot.error is not None and slot.fetches != seen:
                # The concurrent request has failed; another one now would fail too.
                raise type(slot.error)(str(slot.error), call=slot.error.call)
            return await self._renew(slot, account, deadline)
        finally:
            slot.lock.release()

    def _slot(self, account: SellerCredentials) -> _Slot:
        credentials = (account.client_id, account.client_secret)
        slot = self._slots.get(account.store_id)
        if slot is None or slot.credentials != credentials:
            slot = self._slots[account.store_id] = _Slot(credentials)
        return slot

    def _usable(self, slot: _Slot, rejected: str | None) -> str | None:
        token = slot.token
        if token is None or token.value == rejected or self._now() >= token.good_until:
            return None
        return token.value

    async def _renew(self, slot: _Slot, account: SellerCredentials, deadline: float) -> str:
        try:
            token = await self._fetch(account, deadline)
        except errors.CallUnclear as error:
            slot.error = errors.NotSent(f"There is no access token. {error}", call=error.call)
            slot.fetches += 1
            raise slot.error from error
        except errors.WalmartError as error:
            slot.error = error
            slot.fetches += 1
            raise
        slot.token, slot.error = token, None
        slot.fetches += 1
        return token.value

    async def _fetch(self, account: SellerCredentials, deadline: float) -> AccessToken:
        tries = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=lambda state: _LONGEST_WAIT_SECONDS * state.attempt_number * self._jitter(),
            retry=tenacity.retry_if_exception(_worth_another_try),
            sleep=self._sleep,
            reraise=True,
        )
        return await tries(self._ask, account, deadline)

    async def _ask(self, account: SellerCredentials, deadline: float) -> AccessToken:
        asked_at = self._now()
        pair = f"{account.client_id}:{account.client_secret}"
        basic = base64.b64encode(pair.encode()).decode("ascii")
        wanted = HttpRequest(
            operation="token",
            method="POST",
            path="/v3/token",
            headers={
                "Authorization": f"Basic {basic}",
                "Content-Type": "application/x-www-form-urlencoded",
                **markets.headers(account.market),
            },
            content="grant_type=client_credentials",
            secrets=(account.client_secret, basic),
        )
        return _token(await self._exchange.send(wanted, deadline), asked_at)


async def _locked(lock: asyncio.Lock, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await lock.acquire()
    except TimeoutError:
        raise errors.NotSent("Walmart gave no access token in time.") from None


def _worth_another_try(error: BaseException) -> bool:
    return (
        isinstance(error, errors.NotSent | errors.CallUnclear)
        and error.call is not None
        and error.call.failure not in {calls.DEADLINE, calls.NO_TIME_LEFT}
    )


def _token(reply: HttpReply, asked_at: datetime) -> AccessToken:
    call = reply.call
    value, lifetime = _json_token(reply) if call.failure is None else _xml_token(reply)
    if call.status == _OK and value is not None and _PRINTABLE.fullmatch(value):
        return AccessToken(value, asked_at + max(timedelta(seconds=lifetime) - MARGIN, timedelta()))
    if call.status == _BAD_REQUEST and call.error_class is not ErrorClass.UNAVAILABLE:
        # Walmart has answered wrong keys with a bare 400 as well as with an OAuth error.
        message = "Walmart refused the store's client id and secret."
        raise errors.CredentialsRejected(message, call=call)
    if call.status == _NOT_FOUND:
        raise errors.Misconfigured("There is no Walmart token service at this URL.", call=call)
    error = errors.error_of(call)
    if isinstance(error, errors.CallRefused):
        raise errors.Misconfigured(str(error), call=call)
    raise error or errors.CallUnclear("Walmart's answer holds no access token.", call=call)


def _json_token(reply: HttpReply) -> tuple[str | None, float]:
    body = reply.payload if isinstance(reply.payload, dict) else {}
    value = body.get("access_token")
    return (value if isinstance(value, str) else None), _lifetime(body.get("expires_in"))


def _xml_token(reply: HttpReply) -> tuple[str | None, float]:
    """Read a token from XML, which Walmart sends if it ignores the Accept header."""
    value, lifetime = _XML_TOKEN.search(reply.text), _XML_LIFETIME.search(reply.text)
    return value and value[1], _lifetime(lifetime and lifetime[1])


def _lifetime(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = math.nan
    return min(seconds, _LONGEST_LIFETIME) if seconds >= 0 else _LIFETIME_SECONDS
