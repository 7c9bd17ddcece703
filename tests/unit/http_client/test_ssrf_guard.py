"""The SSRF guard: which addresses a store's owner may make Waybill call, and by which scheme."""

import pytest

from app.http_client import ssrf_guard


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "0.0.0.0",  # noqa: S104 - never called
        "::", "224.0.0.1", "ff02::1",
    ],
)  # fmt: skip
def test_link_local_and_metadata_addresses_are_never_called(address: str) -> None:
    assert ssrf_guard.refusal(address, encrypted=True) == ssrf_guard.FORBIDDEN
    assert ssrf_guard.refusal(address, encrypted=False) == ssrf_guard.FORBIDDEN


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "fd12::1"]
)
def test_localhost_and_private_networks_may_be_called_over_http(address: str) -> None:
    assert ssrf_guard.refusal(address, encrypted=True) is None
    assert ssrf_guard.refusal(address, encrypted=False) is None


@pytest.mark.parametrize("address", ["203.0.113.7", "8.8.8.8", "172.32.0.1", "2606:4700::1"])
def test_any_other_address_is_not_called_over_http(address: str) -> None:
    assert ssrf_guard.refusal(address, encrypted=True) is None
    assert ssrf_guard.refusal(address, encrypted=False) == ssrf_guard.IN_CLEAR


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
    assert await ssrf_guard.refused(url) == reason


@pytest.mark.parametrize(
    "host",
    ["shop..example", ".shop.example", f"{'a' * 64}.example", "a\\b.example", "\u3002example"],
)
def test_an_unresolvable_address_is_invalid(host: str) -> None:
    assert ssrf_guard.ill_formed(f"https://{host}")
    assert not ssrf_guard.ill_formed("https://shop.example")
    assert not ssrf_guard.ill_formed("https://bücher.example")
