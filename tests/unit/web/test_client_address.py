"""The address of a client: of its connection, unless a trusted proxy names another."""

from ipaddress import ip_network
from typing import Any

import pytest

from app.web.client_address import TrustedProxies, counted_as

TRUSTED = TrustedProxies((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    return {"client": None if peer is None else (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # A client cannot name itself.
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        # What is left of the first untrusted address was written by the client.
        ("10.0.0.1", ["198.51.100.7, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.7, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.7", "203.0.113.9,10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, "], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::9]:4711"], "2001:db8::9"),
        ("fd00::1", ["2001:DB8:0::9"], "2001:db8::9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [", ".join(["203.0.113.9", *["10.0.0.2"] * 50])], "10.0.0.2"),
        ("10.0.0.1", ["\xe9'\"<script>"], "10.0.0.1"),
        (None, ["203.0.113.9"], None),
    ],
)
def test_a_client_is_the_last_address_that_no_trusted_proxy_has(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    assert TRUSTED.client(scope(peer, *forwarded)) == client


def test_without_trusted_proxies_the_header_is_not_read() -> None:
    assert TrustedProxies().client(scope("10.0.0.1", "203.0.113.9")) == "10.0.0.1"


def test_addresses_of_one_ipv6_network_count_together() -> None:
    assert counted_as("2001:db8:0:1::1") == counted_as("2001:db8:0:1:f::2")
    assert counted_as("2001:db8:0:2::1") != counted_as("2001:db8:0:1::1")
    assert counted_as("203.0.113.9") == "203.0.113.9"
