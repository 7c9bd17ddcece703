"""Which addresses that a store's owner names are called, and over what.

Waybill stands where its caller may not: next to a cloud's metadata service, in a private network.
A Commerce in that network, or on the same machine, is an ordinary thing; what answers at a
link-local address never is one. A token goes out in clear only where it stays in the network.

| address | https | http |
|---|---|---|
| link-local (169.254.0.0/16, fe80::/10), a cloud's metadata, 0.0.0.0, multicast | never | never |
| loopback, private (10/8, 172.16/12, 192.168/16, fc00::/7) | yes | yes |
| any other | yes | never |

A name is looked up when it is given for http, as far as it leads anywhere; `guarded` judges the
very address that is connected to, whenever a connection is made.
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
# Where clouds answer about themselves outside 169.254.0.0/16.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
_EMBEDDING = ipaddress.ip_network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address
_LONGEST_LOOK = 2.0
IN_CLEAR = "http:// is for addresses of this machine or a private network: use https://."
FORBIDDEN = "Link-local, metadata and multicast addresses are never called."


class ForbiddenAddress(OSError):
    """The address is none that is called; nothing was sent."""


def refusal(address: str, *, encrypted: bool) -> str | None:
    """Why an IP address is not called, None where it is."""
    ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip.is_unspecified or ip.is_multicast or ip in _METADATA:
        return FORBIDDEN
    if not encrypted and not (ip.is_loopback or _private(ip)):
        return IN_CLEAR
    return None


def ill_formed(url: str, *, query: bool = False) -> bool:
    """Whether a URL is no http(s) address without a fragment, a password and a query.

    query: it may have one.
    """
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
    """Whether a resolver takes it for a name or a number at all (RFC 1035: labels of 1 to 63)."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(host) and "\\" not in host


async def refused(url: str) -> str | None:
    """Why a URL (well formed) is not called, as far as can be told now.

    Names are looked up where they would be called in clear, so that it is told before a token
    waits for it; one that leads nowhere yet is not refused.
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
    told = (refusal(str(each[4][0]), encrypted=encrypted) for each in found)
    return next((reason for reason in told if reason), None)


def guarded(*, encrypted: bool) -> Callable[[AddressInfo], socket.socket]:
    """Makes sockets for connections; raises ForbiddenAddress instead, where one may not be."""

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
    """An IPv4 address that an IPv6 address carries."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _EMBEDDING:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _private(ip: _IP) -> bool:
    # Not is_private: that has addresses of documents and tests as well, and differs by version.
    networks = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    return any(ip in network for network in map(ipaddress.ip_network, networks))
