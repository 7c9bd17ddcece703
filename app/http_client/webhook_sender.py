"""Sender of notifications: a signed JSON POST to the store's webhook."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

from app.http_client import webhook_signatures
from app.http_client.call import ApiError
from app.http_client.exchange import Dialect, Exchange, HttpRequest
from app.http_client.transport import Http

_OK, _REDIRECT = 200, 300


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a store's notifications go."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    """Those that sign: one, or two while one is rotated, the newer first."""


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """What came back for a message."""

    status: int | None
    """The HTTP status. None means that there was no answer."""
    failure: str | None
    """Why there was no answer, in a word of `call.py`."""
    seconds: float

    @property
    def problem(self) -> str | None:
        """A sentence that says why the message failed. None means success."""
        if self.status is None:
            return f"There was no answer: {self.failure}."
        if _OK <= self.status < _REDIRECT:
            return None
        return f"The answer was {self.status}."


class WebhookSender:
    """Posts messages. timeout bounds each, in seconds. http must apply the SSRF guard."""

    def __init__(self, http: Http, *, timeout: float, now: Callable[[], datetime]) -> None:
        self._http, self._timeout, self._now = http, timeout, now

    async def send(self, receiver: Receiver, message_id: str, body: str) -> WebhookResult:
        """Post a message, and return what came back. Nothing of the answer's body is kept.

        message_id: the same whenever the message is sent again.
        """
        parts = urlsplit(receiver.url)
        exchange = Exchange(
            self._http,
            base_url=f"{parts.scheme}://{parts.netloc}",
            dialect=_DIALECT,
            now=self._now,
            new_correlation_id=lambda: str(uuid4()),
        )
        at = int(self._now().timestamp())
        wanted = HttpRequest(
            operation="notify",
            method="POST",
            path=parts.path or "/",
            headers=webhook_signatures.headers(receiver.secrets, message_id, at, body),
            content=body,
            secrets=receiver.secrets,
            query=f"?{parts.query}" if parts.query else "",
        )
        call = (await exchange.send(wanted, asyncio.get_running_loop().time() + self._timeout)).call
        return WebhookResult(
            call.status, call.failure, (call.ended_at - call.started_at).total_seconds()
        )


def _no_headers(_: str) -> Mapping[str, str]:
    return {}


def _no_faults(_: object, __: str, ___: object) -> tuple[ApiError, ...]:
    return ()


def _no_count(_: Mapping[str, str]) -> int | None:
    return None


def _no_wait(_: Mapping[str, str], __: datetime) -> timedelta | None:
    return None


_DIALECT = Dialect(
    headers=_no_headers,
    faults=_no_faults,
    classify=lambda _, __, ___: None,
    tokens_left=_no_count,
    replenish_in=_no_wait,
    own=lambda _: False,
)
