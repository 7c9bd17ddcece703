"""SSRF guard: which addresses from a store's configuration may be called, and by which scheme.

Waybill runs inside a private network, next to a cloud's metadata service, where its callers have no
access. A Commerce in that network or on the same machine is common; a receiver of notifications is
not. So each has a guard of its own, with the internal networks that it may call. No Commerce has a
link-local address. A token is sent unencrypted only within the network.

| address | https | http |
|---|---|---|
| link-local (169.254/16, fe80::/10), a cloud's metadata, 0/8, 240/4, multicast | never | never |
| loopback, private (10/8, 172.16/12, 192.168/16, fc00::/7) | if allowed | if allowed |
| others that are not routed (100.64/10, 192.0.0/24, 198.18/15, fec0::/10) | if allowed | never |
| any other | yes | never |

An IPv6 address that embeds an IPv4 address counts as that one. A name is resolved when it is
configured, where that may matter. Each connection is checked again by the address that is connected
to, so that a name may not resolve to another one later (DNS rebinding).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from urllib.parse import urlsplit

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*names: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(name) for name in names)


_EVERY = _networks("0.0.0.0/0", "::/0")
# Not is_private: it includes documentation and test networks, and differs by Python version.
_PRIVATE = _networks(
    "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"
)
# Shared by carriers and clouds' pods, protocol assignments, benchmarks, site-local (RFC 6598, 6890,
# 2544, 3879).
_UNROUTED = _networks("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "fec0::/10")
# "This network" and the reserved block (RFC 1122, 1112), and the metadata services of clouds
# outside 169.254.0.0/16.
_NEVER = _networks(
    "0.0.0.0/8",
    "240.0.0.0/4",
    "fd00:ec2::254/128",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
)
# The last 32 bits are an IPv4 address: compatible, translated, NAT64 (RFC 4291, 2765, 6052, 8215).
_EMBEDDING = _networks("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
_LONGEST_LOOK = 2.0
ALLOW, DENY = "allow", "deny"
IN_CLEAR = "http:// is allowed for this machine and private networks only: use https://."
FORBIDDEN = "Link-local, metadata and multicast addresses are not allowed."
INTERNAL = "Addresses of this machine and of private networks are not allowed here."


class ForbiddenAddress(OSError):
    """The guard does not allow the address; nothing was sent."""


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Decides which addresses may be called."""

    internal: tuple[_Network, ...]
    """The networks of which internal addresses may be called."""

    @classmethod
    def of(cls, setting: str) -> Self:
        """Read `allow`, `deny`, or networks (CIDR) separated by commas. Raises ValueError."""
        if setting in {ALLOW, DENY}:
            return cls(_EVERY if setting == ALLOW else ())
        return cls(_networks(*(name.strip() for name in setting.split(","))))

    def refusal(self, address: str, *, encrypted: bool) -> str | None:
        """Return why an IP address may not be called. None means that it may."""
        ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
        if ip.is_link_local or ip.is_unspecified or ip.is_multicast or _within(ip, _NEVER):
            return FORBIDDEN
        private = _within(ip, _PRIVATE)
        # mutation: internal-address
        if (private or _within(ip, _UNROUTED)) and not _within(ip, self.internal):
            return INTERNAL
        # mutation: token-over-plain-http
        if not encrypted and not private:
            return IN_CLEAR
        return None

    async def refused(self, url: str) -> str | None:
        """Return why a well-formed URL may not be called. None means that it may.

        The name is resolved where its address decides, so that the configuration is refused before
        a token is sent. A name that does not resolve yet is accepted.
        """
        parts = urlsplit(url)
        host, encrypted = parts.hostname or "", parts.scheme == "https"
        if encrypted and self.internal == _EVERY and not _is_number(host):
            return None
        reasons = (self.refusal(each, encrypted=encrypted) for each in await _resolved(host))
        return next((reason for reason in reasons if reason), None)

    def sockets(self, *, encrypted: bool) -> Callable[[AddressInfo], socket.socket]:
        """Return a socket factory that raises ForbiddenAddress for a refused address."""

        def a_socket(info: AddressInfo) -> socket.socket:
            family, kind, protocol, _, address = info
            reason = self.refusal(str(address[0]), encrypted=encrypted)
            if reason is not None:
                raise ForbiddenAddress(reason)
            return socket.socket(family=family, type=kind, proto=protocol)

        return a_socket


INTERNAL_ALLOWED, INTERNAL_DENIED = AddressGuard.of(ALLOW), AddressGuard.of(DENY)


@dataclass(frozen=True, slots=True)
class Guards:
    """The guard of each kind of address in a store's configuration."""

    commerce: AddressGuard = INTERNAL_ALLOWED
    notifications: AddressGuard = INTERNAL_DENIED


USUAL = Guards()


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


async def _resolved(host: str) -> list[str]:
    """The addresses of a host, as a connection would find them. Empty: it does not resolve."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LONGEST_LOOK):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return [str(each[4][0]) for each in found]


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _plain(ip: _IP) -> _IP:
    """Return the IPv4 address that an IPv6 address embeds, else the address itself."""
    if isinstance(ip, ipaddress.IPv4Address) or ip.is_unspecified or ip.is_loopback:
        return ip
    # mutation: embedded-address
    if _within(ip, _EMBEDDING):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    teredo = ip.teredo
    return ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else ip)


def _within(ip: _IP, networks: Iterable[_Network]) -> bool:
    return any(ip in network for network in networks)
