"""SSRF guard: which addresses from a store's configuration may be called, and by which scheme.

Waybill runs inside a private network, next to a cloud's metadata service, where its callers have no
access. A Commerce in that network or on the same machine is common; no Commerce has a link-local
address. A token is sent unencrypted only within the network.

| address | https | http |
|---|---|---|
| link-local (169.254.0.0/16, fe80::/10), a cloud's metadata, 0.0.0.0, multicast | never | never |
| loopback, private (10/8, 172.16/12, 192.168/16, fc00::/7) | yes | yes |
| any other | yes | never |

The name in an http URL is resolved when it is configured. `guarded` checks the resolved address
of each connection.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
# Metadata services of clouds outside 169.254.0.0/16.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
_EMBEDDING = ipaddress.ip_network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address
_LONGEST_LOOK = 2.0
IN_CLEAR = "http:// is allowed for this machine and private networks only: use https://."
FORBIDDEN = "Link-local, metadata and multicast addresses are not allowed."


class ForbiddenAddress(OSError):
    """The guard does not allow the address; nothing was sent."""


def refusal(address: str, *, encrypted: bool) -> str | None:
    """Return why an IP address may not be called. None means that it may."""
    ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip.is_unspecified or ip.is_multicast or ip in _METADATA:
        return FORBIDDEN
    # mutation: token-over-plain-http
    if not encrypted and not (ip.is_loopback or _private(ip)):
        return IN_CLEAR
    return None


def ill_formed(url: str, *, query: bool = False) -> bool:
    """Whether a URL is not http(s), or has credentials, a fragment or (unless allowed) a query."""
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return True
    plain = not (parts.fragment or parts.username or parts.password)
    plain = plain and (query or not parts.query) and url.isprintable() and " " not in url
    web = parts.scheme in {"http", "https"} and can_be_looked_up(parts.hostname or "")
    return not (web and plain and port_is_one)


@lru_cache(maxsize=1000)
def can_be_looked_up(host: str) -> bool:
    """Whether a resolver accepts a host name or number (RFC 1035: labels of 1 to 63 characters)."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(host) and "\\" not in host


async def refused(url: str) -> str | None:
    """Return why a well-formed URL may not be called. None means that it may.

    The name in an http URL is resolved, so that the configuration is refused before a token is
    sent. A name that does not resolve yet is accepted.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and not _is_number(parts.hostname or ""):
        return None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LONGEST_LOOK):
            found = await loop.getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return None
    encrypted = parts.scheme == "https"
    reasons = (refusal(str(each[4][0]), encrypted=encrypted) for each in found)
    return next((reason for reason in reasons if reason), None)


def guarded(*, encrypted: bool) -> Callable[[AddressInfo], socket.socket]:
    """Return a socket factory that raises ForbiddenAddress for an address that is not allowed."""

    def a_socket(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        reason = refusal(str(address[0]), encrypted=encrypted)
        if reason is not None:
            raise ForbiddenAddress(reason)
        return socket.socket(family=family, type=kind, proto=protocol)

    return a_socket


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _plain(ip: _IP) -> _IP:
    """Return the IPv4 address that an IPv6 address embeds, else the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _EMBEDDING:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _private(ip: _IP) -> bool:
    # Not is_private: it includes documentation and test networks, and differs by Python version.
    networks = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    return any(ip in network for network in map(ipaddress.ip_network, networks))
