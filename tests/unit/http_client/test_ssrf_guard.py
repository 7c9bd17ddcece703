"""The SSRF guard: which addresses a store's owner may make Waybill call, and by which scheme."""

import pytest

from app.http_client import ssrf_guard
from app.http_client.ssrf_guard import INTERNAL_ALLOWED, INTERNAL_DENIED, AddressGuard


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "0.0.0.0",  # noqa: S104 - never called
        "::", "224.0.0.1", "ff02::1", "0.1.2.3", "255.255.255.255", "240.0.0.1",
        "::169.254.169.254", "::ffff:0:a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:5601:5601",
    ],
)  # fmt: skip
def test_link_local_and_metadata_addresses_are_never_called(address: str) -> None:
    assert INTERNAL_ALLOWED.refusal(address, encrypted=True) == ssrf_guard.FORBIDDEN
    assert INTERNAL_ALLOWED.refusal(address, encrypted=False) == ssrf_guard.FORBIDDEN


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "fd12::1"]
)
def test_localhost_and_private_networks_may_be_called_over_http(address: str) -> None:
    assert INTERNAL_ALLOWED.refusal(address, encrypted=True) is None
    assert INTERNAL_ALLOWED.refusal(address, encrypted=False) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "fd12::1",
        "100.64.0.1", "198.18.0.1", "192.0.0.8", "fec0::1", "::ffff:10.1.2.3", "::7f00:1",
        "::ffff:0:7f00:1", "64:ff9b::a01:203", "64:ff9b:1::a01:203", "2002:a01:203::", "::1%lo",
        "2001:0:4136:e378:8000:63bf:f5fe:fdfc",
    ],
)  # fmt: skip
def test_internal_addresses_are_called_where_a_guard_allows_them(address: str) -> None:
    for encrypted in (True, False):
        refused = INTERNAL_DENIED.refusal(address, encrypted=encrypted)
        assert refused == ssrf_guard.INTERNAL
    assert INTERNAL_ALLOWED.refusal(address, encrypted=True) is None


def test_a_guard_allows_some_internal_networks() -> None:
    guard = AddressGuard.of("10.1.0.0/16, fd12::/48")
    allowed = {"10.1.2.3", "::ffff:10.1.2.3", "fd12::7", "8.8.8.8", "2606:4700::1"}
    denied = {"10.2.0.1", "127.0.0.1", "192.168.1.1", "fd13::1"}
    found = {each: guard.refusal(each, encrypted=True) for each in allowed | denied}
    assert {each for each, reason in found.items() if reason is None} == allowed
    assert guard.refusal("169.254.169.254", encrypted=True) == ssrf_guard.FORBIDDEN


@pytest.mark.parametrize("setting", ["yes", "", "10.1.2.3/16", "10.0.0.0/8,", "allow,deny"])
def test_a_setting_that_is_neither_word_nor_network_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        AddressGuard.of(setting)


@pytest.mark.parametrize(
    "url", ["https://localhost/hook", "http://2130706433/", "https://0x7f.1/", "https://[::1]/"]
)
async def test_a_name_of_an_internal_address_is_refused_when_it_is_set(url: str) -> None:
    assert await INTERNAL_DENIED.refused(url) == ssrf_guard.INTERNAL


@pytest.mark.parametrize("address", ["203.0.113.7", "8.8.8.8", "172.32.0.1", "2606:4700::1"])
def test_any_other_address_is_not_called_over_http(address: str) -> None:
    assert INTERNAL_ALLOWED.refusal(address, encrypted=True) is None
    assert INTERNAL_ALLOWED.refusal(address, encrypted=False) == ssrf_guard.IN_CLEAR


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/latest", ssrf_guard.FORBIDDEN),
        ("https://[fe80::1]", ssrf_guard.FORBIDDEN),
        ("http://2852039166", ssrf_guard.FORBIDDEN),
        ("http://0", ssrf_guard.FORBIDDEN),
        ("http://203.0.113.7", ssrf_guard.IN_CLEAR),
        ("https://203.0.113.7", None),
        ("http://localhost:8090", None),
        ("http://no-such-host.invalid", None),
    ],
)
async def test_an_address_is_checked_when_it_is_set(url: str, reason: str | None) -> None:
    assert await INTERNAL_ALLOWED.refused(url) == reason


@pytest.mark.parametrize(
    "host",
    ["shop..example", ".shop.example", f"{'a' * 64}.example", "a\\b.example", "\u3002example"],
)
def test_an_unresolvable_address_is_invalid(host: str) -> None:
    assert ssrf_guard.ill_formed(f"https://{host}")
    assert not ssrf_guard.ill_formed("https://shop.example")
    assert not ssrf_guard.ill_formed("https://bücher.example")
