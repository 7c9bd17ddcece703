"""Addresses: every spelling of a path is one path, and a wrong method names the right ones.

Magento's measure: module Webapi, `Controller/PathProcessor.php` (a missing code means the default
store view, `all` stands for every one) and `Controller/Rest/Router/Route.php` (`trim($path, '/')`).
"""

import re
from collections import defaultdict
from typing import Any

import httpx
import pytest

from app.web import export
from app.web.addresses import canonical
from app.web.commerce import without_meaning
from app.web.problem_codes import CODES

REFUSED = defaultdict[str, set[str]](set)
for _each in without_meaning.REFUSED:
    for _operation in _each.operations:
        _method, _path = _operation.split()
        REFUSED["/rest/{store_code}/V1" + _path].add(_method)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
APP = export.describing_only()
# All paths with their methods, those that the document leaves out too.
PATHS = {
    path: {method.upper() for method in operations}
    for path, operations in export.document()["paths"].items()
} | {
    "/openapi.json": {"GET"},
    "/docs": {"GET"},
    "/docs/static/swagger-ui.css": {"GET"},
    "/rest/{store_code}/V1/integration/admin/token": {"POST"},
    "/rest/{store_code}/V1/integration/customer/token": {"POST"},
}
for _path, _methods in REFUSED.items():
    PATHS[_path] = PATHS.get(_path, set()) | _methods


async def requested(method: str, path: str, **sent: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://waybill.test") as client:
        return await client.request(method, path, **sent)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/v1/orders", "/v1/orders"),
        ("/v1/orders/", "/v1/orders"),
        ("/v1/orders//", "/v1/orders"),
        ("//rest/uk/V1/orders", "/rest/uk/V1/orders"),
        ("/webhooks/commerce/uk/shipment/", "/webhooks/commerce/uk/shipment"),
        ("/rest/uk/V1/orders/", "/rest/uk/V1/orders"),
        ("/rest/all/V1/orders", "/rest/all/V1/orders"),
        ("/rest/V1/orders", "/rest/default/V1/orders"),
        ("/rest/V1", "/rest/default/V1"),
        ("/index.php/rest/V1/orders/7/", "/rest/default/V1/orders/7"),
        ("/index.php/rest/uk/V1/order/7/ship", "/rest/uk/V1/order/7/ship"),
        # Only Commerce has an index.php, and only its addresses have a version of its own.
        ("/index.php/v1/orders", "/index.php/v1/orders"),
        ("/rest/V1.1/orders", "/rest/V1.1/orders"),
    ],
)
def test_each_spelling_of_an_address_is_one_path(path: str, expected: str) -> None:
    assert canonical(path) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize("path", PATHS)
async def test_a_wrong_method_is_405_with_every_method_of_the_path(path: str) -> None:
    allowed = PATHS[path] | ({"HEAD"} if "GET" in PATHS[path] else set())
    url = re.sub(r"{\w+}", "7", path)
    for method in METHODS - allowed:
        answer = await requested(method, url)
        assert answer.status_code == 405, (method, url)
        assert answer.headers["allow"] == ", ".join(sorted(allowed))
        if method != "HEAD":
            found = answer.json()
            # At Commerce's door in its error shape, elsewhere as a problem document.
            commerce = path.startswith("/rest/")
            assert found["error_code" if commerce else "code"] == "method_not_allowed"
            sentence = CODES["method_not_allowed"].meaning
            assert found["message" if commerce else "detail"] == sentence


@pytest.mark.parametrize(
    "path", ["/livez", "/livez/", "/openapi.json", "/docs", "/docs/static/swagger-ui.css/"]
)
async def test_head_is_answered_as_get_without_the_body(path: str) -> None:
    head, get = await requested("HEAD", path), await requested("GET", path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("user", ["admin", "customer"])
@pytest.mark.parametrize("store", ["", "all/", "default/", "walmart_us/"])
async def test_the_token_endpoints_say_what_to_use_instead(store: str, user: str) -> None:
    """Magento's paths: module Integration, `etc/webapi.xml`. They need no API key here either."""
    secret = {"username": "admin", "password": "never-shown"}
    path = f"/rest/{store}V1/integration/{user}/token"
    # PHP's http_build_query makes a form.
    form = await requested("POST", path, data=secret)
    answer = await requested("POST", path, json=secret)
    found = answer.json()
    assert (answer.status_code, found["error_code"]) == (400, "tokens_not_issued")
    assert form.json() | {"request_id": found["request_id"]} == found
    assert "`waybill keys create`" in found["message"]
    assert "`Authorization: Bearer <key>`" in found["message"]
    assert "`waybill keys create --oauth`" in found["message"]
    assert "never-shown" not in answer.text
