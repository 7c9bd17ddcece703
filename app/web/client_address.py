"""The address of a client: of its connection, or as a trusted proxy names it.

The audit, the limit of wrong keys and the sign-in all use it, through `audit.origin`. The header
`X-Forwarded-For` is read from its end: each proxy adds the address that it was called from, so what
is left of the first address that is no trusted proxy was written by the client. `Forwarded`
(RFC 7239) is not read: a proxy that sets only one of the two passes on the other as a client forged
it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from starlette.types import Scope

Address = IPv4Address | IPv6Address
# Proxies in a row. What is further away is not read.
_MOST = 20


@lru_cache(maxsize=10_000)
def parsed(text: str) -> Address | None:
    """An address as a proxy writes it, also in brackets and with a port; None for other text.

    An IPv4 address inside of IPv6 (`::ffff:192.0.2.1`, RFC 4291) is the IPv4 address.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found


@lru_cache(maxsize=10_000)
def counted_as(address: str) -> str:
    """The name under which attempts from an address are counted.

    An IPv6 client has at least a network of 64 bits (RFC 6177), and may use each of its addresses.
    """
    found = parsed(address)
    # mutation: attempts-of-a-network
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return address


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies that are believed when they say who called them."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Empty means that each connection is of the client itself."""

    def client(self, scope: Scope) -> str | None:
        """The address of the client of a request; None where the connection has none."""
        peer: str | None = scope["client"][0] if scope.get("client") else None
        found = parsed(peer or "")
        # mutation: forwarded-only-by-trusted-proxies
        if found is None or not self._trusts(found):
            return peer if found is None else str(found)
        for text in _forwarded(scope):
            address = parsed(text)
            if address is None:
                break
            found = address
            if not self._trusts(address):
                break
        return str(found)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _forwarded(scope: Scope) -> Iterable[str]:
    """The addresses of all headers `X-Forwarded-For`, the one that was added last first."""
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    texts = b",".join(lines).decode("latin-1").split(",")
    # mutation: forwarded-from-the-right
    return texts[: -_MOST - 1 : -1]
