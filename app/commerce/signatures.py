"""Verify Adobe's two kinds of signature, over the bytes of the body as received.

Webhooks (Adobe, "Webhooks signature verification"): `x-adobe-commerce-webhook-signature` is an RSA
signature (PKCS #1 v1.5, SHA-256) of the *base64 text* of the body, made with a key pair of the
Commerce instance. I/O Events (Adobe, "I/O Events: security verification"): two headers, each with a
signature of the body itself, and the paths of the public keys on Adobe's own host.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

_PATH = re.compile(r"/(?:prod|stage)/keys/pub-key-[A-Za-z0-9-]{1,64}\.pem")
_SHORTEST_BITS = 2048


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
    """Whether one of the instance's keys signed the body of a webhook.

    Without keys a useless one is tried, so that the time does not show whether there are any.
    """
    # mutation: commerce-webhook-signature
    message = base64.b64encode(body)
    known = tuple(pems)
    tried = known or (_useless_key(),)
    return any(verifies(public_key(pem), signature, message) for pem in tried) and bool(known)


def of_event(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The signatures of an I/O event, each with the path of its key on Adobe's host."""
    for number in (1, 2):
        signature = headers.get(f"x-adobe-digital-signature-{number}")
        path = headers.get(f"x-adobe-public-key{number}-path")
        # mutation: adobe-key-host
        if signature is not None and path is not None and _PATH.fullmatch(path):
            yield signature, path


def valid_keys(pems: Sequence[str]) -> bool:
    """Whether all of these are usable public keys."""
    try:
        return all(public_key(pem) for pem in pems)
    except ValueError:
        return False


@cache
def _useless_key() -> str:
    """A public key in PEM of which no private key was ever made."""
    modulus = (secrets.randbits(_SHORTEST_BITS - 2) | 1) + (1 << (_SHORTEST_BITS - 1))
    key = RSAPublicNumbers(65537, modulus).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def verifies(key: RSAPublicKey, signature: str | None, message: bytes) -> bool:
    """Whether a key made the signature, in base64, of a message."""
    try:
        raw = base64.b64decode(signature or "", validate=True)
        key.verify(raw, message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
