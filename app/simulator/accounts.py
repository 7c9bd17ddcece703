"""Seller accounts and their access tokens."""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from app.simulator.errors import gateway_error

TOKEN_SECONDS = 900
# Beyond this, the oldest token is dropped.
MOST_TOKENS = 100_000
_WRONG = "wrong"
# Walmart's tokens have at least this length, so that a column that is too short shows in tests.
_TOKEN_BYTES = 840


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token. Times are milliseconds since 1970."""

    client_id: str
    issued_at: int
    until: int
    """When it expires."""


@dataclass(slots=True)
class Accounts:
    """Accounts and tokens. now returns milliseconds since 1970.

    If is_open, any client id has an account, and any secret but "wrong" opens it until a secret is
    registered for it. Otherwise only registered client ids have an account.
    """

    now: Callable[[], int]
    is_open: bool
    token_seconds: int = TOKEN_SECONDS
    _secrets: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, IssuedToken] = field(default_factory=dict)

    def register(self, client_id: str, secret: str) -> None:
        """Register the only secret that opens an account."""
        self._secrets[client_id] = secret

    def grant(self, client_id: str, secret: str) -> str:
        """Issue a token; earlier tokens stay valid. Raises 401 for a wrong secret."""
        known = self._secrets.get(client_id)
        opens = self.is_open and secret != _WRONG if known is None else secret == known
        if not client_id or not opens:
            raise gateway_error(401, "UNAUTHORIZED", "Client ID or secret is wrong")
        now = self.now()
        for token in [
            t for t, held in itertools.islice(self._tokens.items(), 10) if held.until < now
        ]:
            del self._tokens[token]
        if len(self._tokens) >= MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = f"sim.{secrets.token_urlsafe(_TOKEN_BYTES)}"
        self._tokens[token] = IssuedToken(client_id, now, now + self.token_seconds * 1000)
        return token

    def owner(self, token: str) -> str:
        """Return the client id of a token, also an expired one; empty means unknown."""
        held = self._tokens.get(token)
        return held.client_id if held else ""

    def admit(self, token: str) -> IssuedToken:
        """Return a valid token. Raises 401 if it is missing, unknown or expired."""
        held = self._tokens.get(token)
        if held is None or held.until <= self.now():
            raise gateway_error(401, "UNAUTHORIZED", "Unauthorized token or incorrect header")
        return held
