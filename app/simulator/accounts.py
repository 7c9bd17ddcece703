"""Seller accounts and their access tokens."""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from app.simulator.errors import gateway_error

TOKEN_SECONDS = 900
# The oldest token goes first.
MOST_TOKENS = 100_000
_WRONG = "wrong"
# Walmart's tokens are this long or longer; who keeps them in a short column should notice.
_TOKEN_BYTES = 840


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """Whose it is, and from when to when it is good, in milliseconds since 1970."""

    client_id: str
    issued_at: int
    until: int


@dataclass(slots=True)
class Accounts:
    """Who may call. now gives milliseconds since 1970.

    Open: any client id has an account, and any secret but "wrong" opens it, until a secret is
    set for it. Not open: only client ids whose secret was set.
    """

    now: Callable[[], int]
    is_open: bool
    token_seconds: int = TOKEN_SECONDS
    _secrets: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, IssuedToken] = field(default_factory=dict)

    def register(self, client_id: str, secret: str) -> None:
        """Set the one secret that opens an account."""
        self._secrets[client_id] = secret

    def grant(self, client_id: str, secret: str) -> str:
        """Give an account a token; earlier ones stay good. Raises 401 for a wrong secret."""
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
        """Whose a token is or was; empty where nobody knows it."""
        held = self._tokens.get(token)
        return held.client_id if held else ""

    def admit(self, token: str) -> IssuedToken:
        """What a token stands for. Raises 401 for one that is missing, unknown or expired."""
        held = self._tokens.get(token)
        if held is None or held.until <= self.now():
            raise gateway_error(401, "UNAUTHORIZED", "Unauthorized token or incorrect header")
        return held
