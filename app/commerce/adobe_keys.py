"""Adobe's public keys for I/O Events, fetched from Adobe's host and kept in memory.

Adobe ("I/O Events: security verification"): an event has two signatures of its body, and the paths
of their public keys on Adobe's own host. Anyone may send a forged event with any path. So the key
of a path is fetched at most once in a period, and paths that never had a key share a small budget
of fetches.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic as _monotonic
from typing import Protocol

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.commerce import signatures
from app.http_client.transport import pieces

KEY_HOST = "https://static.adobeioevents.com"
# Seconds. Adobe allows a key to be cached for a day. A path without a key may have one later. After
# a failure of Adobe's host a key that is a day old is fetched again.
KEPT_FOR, NONE_FOR, FAILED_FOR = 24 * 3600.0, 600.0, 10.0
# Fetches of unknown paths that may be made at once (an event has two), and seconds until the next.
AT_ONCE, BETWEEN = 2, 30.0
_MOST_ANSWERS, _LONGEST_KEY, _TIMEOUT = 200, 10_000, 4.0
_NO_SUCH_KEY = frozenset({httpx.codes.NOT_FOUND, httpx.codes.GONE})


class KeyNotAvailable(Exception):
    """Adobe's public key cannot be fetched now; the event can be verified later."""


class Clock(Protocol):
    """Seconds that never go back."""

    def __call__(self) -> float:
        """Now."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a fetch found, and until when it holds."""

    until: float
    key: RSAPublicKey | None = None
    failure: str | None = None
    """Why there was no answer; then `key` is only that of before."""


@dataclass(slots=True)
class AdobeKeys:
    """A cache of Adobe's public keys, and of the paths that have none."""

    http: httpx.AsyncClient
    monotonic: Clock = _monotonic
    _answers: OrderedDict[str, _Answer] = field(default_factory=OrderedDict)
    """By path, the oldest first."""
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)
    _spent: list[float] = field(default_factory=list)
    """When the last unknown paths were fetched."""

    async def signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether either of an event's signatures is Adobe's. Raises KeyNotAvailable."""
        missing: KeyNotAvailable | None = None
        for signature, path in signatures.of_event(headers):
            try:
                key = await self._key(path)
            except KeyNotAvailable as error:
                missing = error
                continue
            if key is not None and signatures.verifies(key, signature, body):
                return True
        if missing is not None:
            raise missing
        return False

    async def close(self) -> None:
        """Close the HTTP client."""
        await self.http.aclose()

    async def _key(self, path: str) -> RSAPublicKey | None:
        answer = self._known(path)
        if answer is None:
            async with self._fetching:
                # Another request may have fetched it meanwhile.
                answer = self._known(path)
                if answer is None:
                    self._spend(path)
                    answer = await self._fetched(path)
                    self._keep(path, answer)
        if answer.failure is not None:
            raise KeyNotAvailable(answer.failure)
        return answer.key

    def _known(self, path: str) -> _Answer | None:
        answer = self._answers.get(path)
        return answer if answer is not None and self.monotonic() < answer.until else None

    def _spend(self, path: str) -> None:
        """Take a fetch from the budget of unknown paths. Raises KeyNotAvailable."""
        before = self._answers.get(path)
        if before is not None and before.key is not None:
            return  # the key of a day ago, which is fetched anew
        now = self.monotonic()
        self._spent = [at for at in self._spent if now < at + AT_ONCE * BETWEEN]
        # mutation: adobe-fetch-budget
        if len(self._spent) >= AT_ONCE:
            raise KeyNotAvailable("Too many events name unknown keys of Adobe's. Send it again.")
        self._spent.append(now)

    def _keep(self, path: str, answer: _Answer) -> None:
        self._answers[path] = answer
        self._answers.move_to_end(path)
        while len(self._answers) > _MOST_ANSWERS:
            useless = (each for each, kept in self._answers.items() if kept.key is None)
            del self._answers[next(useless, next(iter(self._answers)))]

    async def _fetched(self, path: str) -> _Answer:
        try:
            status, pem = await self._get(path)
        except httpx.HTTPError as error:
            return self._failed(path, str(error))
        if status != httpx.codes.OK and status not in _NO_SUCH_KEY:
            # The key may exist: rejecting the event now would lose it.
            return self._failed(path, str(status))
        now = self.monotonic()
        if status == httpx.codes.OK and len(pem) <= _LONGEST_KEY:
            try:
                return _Answer(now + KEPT_FOR, signatures.public_key(pem.decode()))
            except ValueError:
                pass
        # A forged header names a key that Adobe does not have.
        return _Answer(now + NONE_FOR)

    def _failed(self, path: str, why: str) -> _Answer:
        before = self._answers.get(path)
        key = before.key if before else None
        # The budget limits the fetches of unknown paths.
        until = self.monotonic() + (FAILED_FOR if key else 0)
        return _Answer(until, key, failure=f"Adobe's key cannot be fetched: {why}")

    async def _get(self, path: str) -> tuple[int, bytes]:
        """Return the status, and for a 200 the body, read until it is longer than any key."""
        headers, body = {"Accept-Encoding": "identity"}, b""
        async with self.http.stream("GET", f"{KEY_HOST}{path}", headers=headers) as answer:
            if answer.status_code == httpx.codes.OK:
                async for piece in pieces(answer):
                    body += piece
                    if len(body) > _LONGEST_KEY:
                        break
        return answer.status_code, body


def open_keys() -> AdobeKeys:
    """Open the cache with an HTTP client of its own; the caller closes it."""
    return AdobeKeys(httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False))
