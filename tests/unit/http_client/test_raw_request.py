"""Requests that httpx does not parse: they go to the address that httpx would have made of them."""

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from app.http_client.raw_request import RawRequest

_BASES = st.sampled_from(
    ["http://127.0.0.1:8080", "https://Shop.example:443/store", "http://[::1]"]
)
_PARTS = st.text(st.sampled_from("aZ9-._~!$&'()*+,;=:@/?#%2Fé \\\"<>{}`^|\r\n\x7f"), max_size=12)


def a_request(base_url: str, target: str) -> RawRequest:
    return RawRequest("GET", base_url, target, headers={"A": "b"}, content=b"c", limits={})


@given(_BASES, _PARTS)
@example("http://127.0.0.1:8080", "v3/orders/a%2Fb/shipping")
@example("http://127.0.0.1:8080", "a/../b")
@example("http://127.0.0.1:8080", "a%2gb")
@example("http://127.0.0.1:8080", "a HTTP/1.1\r\nX: y")
def test_a_request_goes_where_httpx_would_send_it(base_url: str, part: str) -> None:
    try:
        expected = URL(str(httpx.URL(f"{base_url}/{part}")), encoded=True)
    except httpx.InvalidURL:
        with pytest.raises(httpx.InvalidURL):
            a_request(base_url, f"/{part}").address()
    else:
        assert str(a_request(base_url, f"/{part}").address()) == str(expected)


async def test_another_transport_finds_the_request_of_httpx() -> None:
    request = a_request("https://shop.example", "/rest?q=1")
    assert request.url == "https://shop.example/rest?q=1"
    assert request.headers == {"a": "b"}
    assert await request.aread() == b"c"
