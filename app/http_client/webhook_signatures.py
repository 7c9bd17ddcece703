"""Signatures of outgoing webhooks: Waybill's own, and those of Standard Webhooks.

Standard Webhooks 1.0.0 (standardwebhooks.com): `webhook-signature` has a signature for each secret,
separated by blanks. A secret is `whsec_` and 24 to 64 bytes in base64.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

SIGNATURE_HEADER = "Waybill-Signature"
_PREFIX = "whsec_"
_LEAST, _MOST = 24, 64


def headers(secrets: Sequence[str], message_id: str, at: int, body: str) -> Mapping[str, str]:
    """The headers of a message that each of the secrets signs. at: seconds since 1970.

    The time lets a receiver reject a message that was recorded and replayed later.
    """
    # mutation: old-secret-signs
    signing = tuple(secrets)
    own = [_digest(each.encode(), f"{at}.{body}").hex() for each in signing]
    content = f"{message_id}.{at}.{body}"
    standard = [base64.b64encode(_digest(key_of(each), content)).decode() for each in signing]
    return {
        SIGNATURE_HEADER: ",".join([f"t={at}", *(f"v1={each}" for each in own)]),
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{each}" for each in standard),
    }


def key_of(secret: str) -> bytes:
    """The key of a secret in Standard Webhooks: its base64, or the bytes of any other text."""
    return _decoded(secret) or secret.encode()


def ill_formed(secret: str) -> bool:
    """Whether a secret looks like one of Standard Webhooks, and is none."""
    return secret.startswith(_PREFIX) and _decoded(secret) is None


def _decoded(secret: str) -> bytes | None:
    if not secret.startswith(_PREFIX):
        return None
    text = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None
    return key if _LEAST <= len(key) <= _MOST else None


def _digest(key: bytes, content: str) -> bytes:
    return hmac.new(key, content.encode(), hashlib.sha256).digest()
