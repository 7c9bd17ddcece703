"""Verify Adobe's two kinds of signature, over the bytes of the body as received.

Webhooks (Adobe, "Webhooks signature verification"): `x-adobe-commerce-webhook-signature` is an RSA
signature (PKCS #1 v1.5, SHA-256) of the *base64 text* of the body, made with a key pair of the
Commerce instance. I/O Events (Adobe, "I/O Events: security verification"): two headers, each with a
signature of the body itself, and the paths of the public keys on Adobe's own host.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic as _monotonic
from typing import Protocol

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.http_client.transport import pieces

KEY_HOST = "https://static.adobeioevents.com"
# Adobe allows a key to be cached for a day.
KEPT_FOR = 24 * 3600.0
_PATH = re.compile(r"/(?:prod|stage)/keys/pub-key-[A-Za-z0-9-]{1,64}\.pem")
_MOST_KEYS, _LONGEST_KEY, _TIMEOUT = 20, 10_000, 4.0
_SHORTEST_BITS = 2048
_NO_SUCH_KEY = frozenset({httpx.codes.NOT_FOUND, httpx.codes.GONE})


class KeyNotAvailable(Exception):
    """Adobe's public key cannot be fetched now; the event can be verified later."""


class Clock(Protocol):
    """Seconds that never go back."""

    def __call__(self) -> float:
        """Now."""


def public_key(pem: str) -> RSAPublicKey:
    """Read a public key. Raises ValueError for anything but an RSA key of 2048 bits or more."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("it is no public key in PEM") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _SHORTEST_BITS:
        raise ValueError("an RSA key of at least 2048 bits is needed")
    return key


def webhook_signed(body: bytes, signature: str | None, pems: Iterable[str]) -> bool:
    """Whether one of the instance's keys signed the body of a webhook."""
    # mutation: commerce-webhook-signature
    message = base64.b64encode(body)
    return any(_verifies(public_key(pem), signature, message) for pem in pems)


@dataclass(slots=True)
class AdobeKeys:
    """A cache of Adobe's public keys for I/O Events, fetched from Adobe's host only."""

    http: httpx.AsyncClient
    monotonic: Clock = _monotonic
    _kept: dict[str, tuple[float, RSAPublicKey]] = field(default_factory=dict)

    async def signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether either of an event's signatures is Adobe's. Raises KeyNotAvailable."""
        pairs = [
            (
                headers.get(f"x-adobe-digital-signature-{number}"),
                headers.get(f"x-adobe-public-key{number}-path"),
            )
            for number in (1, 2)
        ]
        missing: KeyNotAvailable | None = None
        for signature, path in pairs:
            # mutation: adobe-key-host
            if signature is None or path is None or not _PATH.fullmatch(path):
                continue
            try:
                key = await self._key(path)
            except KeyNotAvailable as error:
                missing = error
                continue
            if key is not None and _verifies(key, signature, body):
                return True
        if missing is not None:
            raise missing
        return False

    async def close(self) -> None:
        """Close the HTTP client."""
        await self.http.aclose()

    async def _key(self, path: str) -> RSAPublicKey | None:
        until, known = self._kept.get(path, (0.0, None))
        if known is not None and self.monotonic() < until:
            return known
        try:
            status, pem = await self._get(path)
        except httpx.HTTPError as error:
            raise KeyNotAvailable(f"Adobe's key cannot be fetched: {error}") from error
        if status in _NO_SUCH_KEY:
            # A forged header names a key that Adobe does not have.
            return None
        if status != httpx.codes.OK:
            # The key may exist: rejecting the event now would lose it.
            raise KeyNotAvailable(f"Adobe's key cannot be fetched: {status}")
        if len(pem) > _LONGEST_KEY:
            return None
        try:
            key = public_key(pem.decode())
        except ValueError:
            return None
        if len(self._kept) >= _MOST_KEYS:
            self._kept.clear()
        self._kept[path] = (self.monotonic() + KEPT_FOR, key)
        return key

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


def valid_keys(pems: Sequence[str]) -> bool:
    """Whether all of these are usable public keys."""
    try:
        return all(public_key(pem) for pem in pems)
    except ValueError:
        return False


def _verifies(key: RSAPublicKey, signature: str | None, message: bytes) -> bool:
    try:
        raw = base64.b64decode(signature or "", validate=True)
        key.verify(raw, message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
