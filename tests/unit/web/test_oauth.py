"""Signatures of OAuth 1.0a: published examples, and requests as clients of Commerce sign them."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import Request
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client
from starlette.types import Receive, Scope, Send

from app.storage.stores.oauth_keys import OAuthCredentials, new_credentials
from app.web.addresses import CanonicalAddresses
from app.web.oauth import is_signed

# Oracle, "The Signature for Web Services and RESTlets" and "The Authorization Headers":
# docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_1534941088.html
PUBLISHED = OAuthCredentials(
    "ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4",
    "d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5",
    "2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc",
    "c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295",
)
PUBLISHED_URL = "https://123456.suitetalk.api.netsuite.com/services/rest/record/v1/employee/40"
PUBLISHED_HEADER = (
    'OAuth realm="123456", '
    'oauth_token="2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc", '
    'oauth_consumer_key="ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4", '
    'oauth_nonce="fjaLirsIcCGVZWzBX0pg", oauth_timestamp="1508242306", '
    'oauth_signature_method="HMAC-SHA256", oauth_version="1.0", '
    'oauth_signature="B5OIWznZ2YP0OB7VrJrGkYsTh%2B8H%2B5T9Hag%2Bo92q0zY%3D"'
)
KEYS = new_credentials()


async def received(method: str, url: str, header: str) -> Request:
    """A request as the app sees it, behind a proxy that ends TLS."""
    parts = urlsplit(url)
    scopes: list[Scope] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        scopes.append(scope)

    async def unused(*_: Any) -> Any:
        raise AssertionError

    scope = {
        "type": "http",
        "scheme": "http",
        "method": method,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(b"host", parts.netloc.encode()), (b"authorization", header.encode())],
    }
    await CanonicalAddresses(app)(scope, unused, unused)
    return Request(scopes[0])


def signed(method: Any, url: str, keys: OAuthCredentials = KEYS, **changes: str) -> str:
    client = Client(
        keys.consumer_key,
        keys.consumer_secret,
        keys.access_token,
        keys.access_token_secret,
        **{"signature_method": SIGNATURE_HMAC_SHA256, **changes},
    )
    _, headers, _ = client.sign(url, method)
    return str(headers["Authorization"])


async def test_a_published_signature_is_valid() -> None:
    assert is_signed(await received("GET", PUBLISHED_URL, PUBLISHED_HEADER), PUBLISHED)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", PUBLISHED_URL),
        ("HEAD", PUBLISHED_URL),
        ("GET", PUBLISHED_URL + "/"),
        ("GET", PUBLISHED_URL + "?a=1"),
        ("GET", PUBLISHED_URL.replace("123456", "123457")),
        ("GET", PUBLISHED_URL.replace(".com", ".com:8443")),
        ("GET", PUBLISHED_URL.replace("123456.suitetalk.api.netsuite.com", "[")),
    ],
)
async def test_it_is_valid_for_no_other_request(method: str, url: str) -> None:
    try:
        request = await received(method, url, PUBLISHED_HEADER)
    except ValueError:  # urlsplit
        request = await received(method, PUBLISHED_URL, PUBLISHED_HEADER)
        request.scope["headers"][0] = (b"host", b"[")
    assert not is_signed(request, PUBLISHED)


@pytest.mark.parametrize("part", [1, 3])
async def test_it_is_valid_for_no_other_credentials(part: int) -> None:
    values = [PUBLISHED.consumer_key, PUBLISHED.consumer_secret]
    values += [PUBLISHED.access_token, PUBLISHED.access_token_secret]
    values[part] += "0"
    assert not is_signed(
        await received("GET", PUBLISHED_URL, PUBLISHED_HEADER), OAuthCredentials(*values)
    )


async def test_a_search_is_signed_as_magento_computes_it() -> None:
    """Magento's `lib/internal/Magento/Framework/Oauth/Helper/Signature/Hmac.php`.

    The names of the query are decoded, then encoded once, and once more with the whole string. A
    client such as the npm package oauth-1.0a sends the brackets as they are.
    """
    url = "https://waybill.example/rest/all/V1/orders?searchCriteria[pageSize]=1"
    base = (
        "GET&https%3A%2F%2Fwaybill.example%2Frest%2Fall%2FV1%2Forders&oauth_consumer_key%3D"
        f"{KEYS.consumer_key}%26oauth_nonce%3Dabc%26oauth_signature_method%3DHMAC-SHA256%26"
        f"oauth_timestamp%3D1700000000%26oauth_token%3D{KEYS.access_token}%26oauth_version%3D1.0"
        "%26searchCriteria%255BpageSize%255D%3D1"
    )
    key = f"{KEYS.consumer_secret}&{KEYS.access_token_secret}"
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
    header = (
        f'OAuth oauth_consumer_key="{KEYS.consumer_key}", oauth_nonce="abc", oauth_signature="'
        f'{base64.b64encode(digest).decode()}", oauth_signature_method="HMAC-SHA256", '
        f'oauth_timestamp="1700000000", oauth_token="{KEYS.access_token}", oauth_version="1.0"'
    )
    for sent in (url, url.replace("[", "%5B").replace("]", "%5D")):
        assert is_signed(await received("GET", sent, header), KEYS)


@pytest.mark.parametrize(
    "url",
    [
        "https://waybill.example/rest/V1/orders",
        "https://waybill.example/index.php/rest/V1/orders/",
        "https://waybill.example:8443/rest/V1/orders/7",
        "http://127.0.0.1:8080/rest/V1/orders?searchCriteria",
        "https://waybill.example/rest/V1/orders?searchCriteria=",
        "https://waybill.example/rest/V1/orders?a=b%20c&a=b+c&a=%2B&c=%C3%A4&d=1%3D2&e=~*'()!",
        "https://waybill.example/rest/V1/orders?searchCriteria%5BfilterGroups%5D%5B0%5D=x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_an_address_is_signed_as_the_client_writes_it(method: str, url: str) -> None:
    assert is_signed(await received(method, url, signed(method, url)), KEYS)
