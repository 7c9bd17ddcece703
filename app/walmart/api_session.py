"""One operation of Walmart's, whatever API it belongs to: its token, its time, a second try.

Each ends within the time-out, its token included, so that nothing of a write can leave after the
caller's lease has run out. A second HTTP try is made only where Walmart refused the token: that is
decided before anything is executed.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

from app.http_client.call import Call
from app.http_client.exchange import Exchange, HttpReply, HttpRequest
from app.walmart import errors, markets, order_lists
from app.walmart.credentials import SellerCredentials
from app.walmart.token import TokenCache

_write_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class ApiSession:
    """Carries operations out. timeout: seconds of one as a whole."""

    exchange: Exchange
    tokens: TokenCache
    timeout: float

    async def carry_out(
        self,
        account: SellerCredentials,
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: str = "",
    ) -> HttpReply:
        """Call Walmart; raises the error that its answer is classified as."""
        deadline = asyncio.get_running_loop().time() + self.timeout
        content = None if body is None else _write_json(body)
        token = await self.tokens.get(account, deadline)
        for renewable in (True, False):
            headers = {"WM_SEC.ACCESS_TOKEN": token, **markets.headers(account.market)}
            secrets = (token, account.client_secret)
            wanted = HttpRequest(operation, method, path, headers, content, secrets, query)
            answered = await self.exchange.send(wanted, deadline)
            error = errors.classify(answered.call)
            if not (renewable and isinstance(error, errors.CredentialsRejected)):
                break
            token = await self.tokens.get(account, deadline, rejected=token)
        if error is not None:
            raise error
        return answered

    async def look_up(
        self, account: SellerCredentials, operation: str, path: str, query: str
    ) -> tuple[HttpReply | None, Call]:
        """Ask for a list; None where Walmart says, mostly by a 404, that nothing was found."""
        try:
            answered = await self.carry_out(account, operation, "GET", path, query=query)
        except (errors.NotFound, errors.CallUnclear) as error:
            if error.call is None or not order_lists.tells_none(error.call):
                raise
            return None, error.call
        return answered, answered.call
