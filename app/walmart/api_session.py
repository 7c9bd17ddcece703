"""One call to Walmart, of any API: its access token, its deadline, and a second try.

A call ends within the time-out, the request for its token included, so that no write is sent after
the caller's lease. Only a rejected token leads to a second HTTP request: Walmart rejects it before
it executes anything.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_core import to_json

from app.domain.seller_credentials import SellerCredentials
from app.http_client.call import Call, ErrorClass
from app.http_client.exchange import Exchange, HttpReply, HttpRequest
from app.walmart import errors, markets, order_lists
from app.walmart.token import TokenCache


@dataclass(frozen=True, slots=True)
class ApiSession:
    """Makes calls with the store's access token."""

    exchange: Exchange
    tokens: TokenCache
    timeout: float
    """Seconds for a call as a whole."""

    async def call(
        self,
        account: SellerCredentials,
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: str = "",
    ) -> HttpReply:
        """Call Walmart. Raises the error that the answer is classified as (errors.py)."""
        deadline = asyncio.get_running_loop().time() + self.timeout
        content = None if body is None else to_json(body, ensure_ascii=True).decode()
        token = await self.tokens.get(account, deadline)
        for renewable in (True, False):
            # mutation: market-header
            headers = {"WM_SEC.ACCESS_TOKEN": token, **markets.headers(account.market)}
            secrets = (token, account.client_secret)
            wanted = HttpRequest(operation, method, path, headers, content, secrets, query)
            reply = await self.exchange.send(wanted, deadline)
            rejected = reply.call.error_class is ErrorClass.CREDENTIALS_REJECTED
            if not (renewable and rejected):
                break
            token = await self.tokens.get(account, deadline, rejected=token)
        error = errors.error_of(reply.call)
        if error is not None:
            raise error
        return reply

    async def find(
        self, account: SellerCredentials, operation: str, path: str, query: str
    ) -> tuple[HttpReply | None, Call]:
        """Request a list. None means that Walmart found nothing, which it mostly says by a 404."""
        try:
            reply = await self.call(account, operation, "GET", path, query=query)
        except (errors.NotFound, errors.CallUnclear) as error:
            if error.call is None or not order_lists.tells_none(error.call):
                raise
            return None, error.call
        return reply, reply.call
