"""Requests that are signed by OAuth 1.0a, as Commerce's integrations sign theirs.

Sources: RFC 5849, and Magento's `lib/internal/Magento/Framework/Oauth/Oauth.php`, which accepts
HMAC-SHA256 only and reads the parameters from the header `Authorization`. A body is never signed:
the API reads JSON, and RFC 5849 signs the fields of forms only. oauthlib verifies the signatures.
"""

import re
import sys
from contextlib import nullcontext
from urllib.parse import parse_qsl, unquote, urlencode

from fastapi import Request
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, RequestValidator, SignatureOnlyEndpoint
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header

from app.domain.errors import NotAvailable
from app.storage.postgres.retry import again
from app.storage.stores import api_keys, oauth_keys
from app.storage.stores.oauth_keys import OAuthCredentials, OAuthKey
from app.storage.stores.secrets import CannotDecrypt
from app.usecases.context import AppContext
from app.web.addresses import sent_method
from app.web.auth import Caller, KeyRing, implied
from app.web.problems import Unauthorized

# Seconds that a timestamp may differ from the database's time, as in Magento
# (`Integration/Model/Oauth/Nonce/Generator.php`). A nonce is kept for longer.
WINDOW = 600
_CALLER = "waybill.oauth_caller"
_REQUIRED = ("consumer_key", "token", "signature_method", "signature", "timestamp", "nonce")
_TIMESTAMP = re.compile(r"[0-9]{10}")
_VALUE = re.compile(r"[\x21-\x7e]{1,255}")
_INVALID = (
    "The OAuth signature is invalid. Check the four credentials, that the key is not revoked, and "
    "that proxies pass on the header Host and the path as the client sends them."
)


async def caller_of(request: Request) -> Caller:
    """The caller that signed a request. Raises Unauthorized.

    A request is verified once, however often its caller is asked for: its nonce is used then.
    """
    # mutation: oauth-verified-once
    if _CALLER not in request.scope:
        request.scope[_CALLER] = await again(lambda: _verified(request))
    caller: Caller = request.scope[_CALLER]
    return caller


async def _verified(request: Request) -> Caller:
    given = _parameters(request.headers["authorization"])
    keys: KeyRing = request.app.state.keys
    consumer = api_keys.digest_of(given["consumer_key"])
    await keys.wrong.admit(consumer)
    # A wrong signature under a known consumer key needs no transaction; a right one always has one.
    # mutation: oauth-refused-from-memory
    known = keys.signers.get(consumer)
    if known is not None and not _is_right(request, given, known):
        raise keys.wrong.counted(_INVALID)
    # mutation: oauth-limited-from-the-start
    looking = keys.wrong.looking() if known is None else nullcontext()
    with looking:
        caller = await _looked_up(request, given, consumer)
    if caller is None:
        raise keys.wrong.wrong(consumer, _INVALID)
    return caller


async def _looked_up(request: Request, given: dict[str, str], consumer: bytes) -> Caller | None:
    """The caller by the database. None: the consumer key is unknown. Raises Unauthorized."""
    context: AppContext = request.app.state.context
    keys: KeyRing = request.app.state.keys
    async with context.database.begin() as connection:
        try:
            found = await oauth_keys.find(connection, given["consumer_key"], context.cipher)
        except CannotDecrypt as error:
            raise NotAvailable("secret_unreadable", f"A secret of the key: {error}.") from error
        if found is None:
            return None
        keys.remember_signer(consumer, found.credentials)
        if not _is_right(request, given, found.credentials):
            raise keys.wrong.counted(_INVALID)
        timestamp = _timestamp(given["timestamp"], found)
        # mutation: oauth-nonce
        if not await oauth_keys.use_nonce(connection, found.key, timestamp, given["nonce"]):
            raise Unauthorized("The oauth_nonce was used before. Sign each request anew.")
    key = found.key
    await keys.record_use(key.id)
    return Caller(str(key.id), key.name, key.store_id, implied(key.scopes))


def _is_right(request: Request, given: dict[str, str], credentials: OAuthCredentials) -> bool:
    # mutation: oauth-signature
    return given["token"] == credentials.access_token and is_signed(request, credentials)


def _parameters(header: str) -> dict[str, str]:
    """The OAuth parameters of a header, without their prefix. Raises Unauthorized."""
    try:
        given = {name: unquote(value) for name, value in parse_authorization_header(header)}
    except ValueError as error:
        raise Unauthorized("The OAuth header cannot be parsed.") from error
    wrong = [name for name in _REQUIRED if not _VALUE.fullmatch(given.get(f"oauth_{name}", ""))]
    if wrong:
        raise Unauthorized(f"The OAuth header has no oauth_{wrong[0]} of 1 to 255 characters.")
    if given["oauth_signature_method"] != SIGNATURE_HMAC_SHA256:
        raise Unauthorized(f"Waybill verifies the signature method {SIGNATURE_HMAC_SHA256} only.")
    # mutation: oauth-timestamp-in-seconds
    if not _TIMESTAMP.fullmatch(given["oauth_timestamp"]):
        raise Unauthorized("The oauth_timestamp must be seconds since 1970, in 10 digits.")
    return {name: given[f"oauth_{name}"] for name in _REQUIRED}


def _timestamp(text: str, found: OAuthKey) -> int:
    timestamp = int(text)
    # mutation: oauth-window
    if abs(timestamp - found.now) > WINDOW:
        raise Unauthorized(
            f"The oauth_timestamp {timestamp} is more than {WINDOW} seconds from Waybill's time, "
            f"{found.now}."
        )
    return timestamp


def is_signed(request: Request, credentials: OAuthCredentials) -> bool:
    """Whether a request is signed with these credentials.

    The address may be https or http: behind a proxy that ends TLS, only the client knows which.
    """
    endpoint = SignatureOnlyEndpoint(_Verification(credentials))
    headers = {"Authorization": request.headers["authorization"]}
    try:
        return any(
            endpoint.validate_request(
                _uri(request, scheme), sent_method(request.scope), None, headers
            )[0]
            for scheme in ("https", "http")
        )
    except ValueError:
        # oauthlib raises it for a host that is none.
        return False


def _uri(request: Request, scheme: str) -> str:
    """The address as the client sent it, with its query in the form that oauthlib accepts.

    Clients of Commerce often leave the brackets of searchCriteria[…] as they are.
    """
    path = request.scope["raw_path"].decode("latin-1")
    query = urlencode(
        parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    )
    return f"{scheme}://{request.headers.get('host', '')}{path}?{query}"


class _Verification(RequestValidator):
    """What oauthlib asks of its user while it verifies a signature by given credentials.

    The database decides about time and nonce, after the signature.
    """

    allowed_signature_methods = (SIGNATURE_HMAC_SHA256,)
    enforce_ssl = False
    timestamp_lifetime = sys.maxsize

    def __init__(self, credentials: OAuthCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def check_client_key(self, _: str) -> bool:
        """Accept the consumer key, by which the credentials were found."""
        return True

    def check_nonce(self, _: str) -> bool:
        """Accept any nonce."""
        return True

    def validate_timestamp_and_nonce(self, *_: object, **__: object) -> bool:
        """Accept both, as the database checks them."""
        return True

    def validate_client_key(self, *_: object) -> bool:
        """Accept the consumer key, as above."""
        return True

    def get_client_secret(self, *_: object) -> str:
        """The consumer secret."""
        return self._credentials.consumer_secret

    def get_access_token_secret(self, *_: object) -> str:
        """The access token's secret."""
        return self._credentials.access_token_secret
