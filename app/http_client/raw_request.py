"""A request of httpx's that httpx does not parse unless somebody looks.

Its parser visits each character of a URL, and its headers are objects: 3 % of a poller's processor
time (`bench/notes.md`). Our transport needs neither. Other transports, those of tests, find both as
usual.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Self

import httpx
from yarl import URL

from app.http_client import ssrf_guard

# What httpx leaves as it is in a path: it resolves `.` and `..`, and encodes everything else.
_PLAIN = re.compile(r"(?!.*/\.)/(?:[\w~!$&()*+,;=:@/.-]|%[0-9A-Fa-f]{2})*+", re.ASCII)
_Headers = Mapping[str, str] | Sequence[tuple[str, str]]


class RawRequest(httpx.Request):
    """A request as it was given. base_url: without a slash at its end; target: begins with one."""

    def __init__(
        self,
        method: str,
        base_url: str,
        target: str,
        *,
        headers: _Headers,
        content: bytes,
        limits: Mapping[str, float | None],
    ) -> None:
        # httpx's own __init__ would parse.
        self.method = method
        self.base_url, self.target = base_url, target
        self.given = headers
        self.body = content
        self.stream = httpx.ByteStream(content)
        self.extensions = {"timeout": limits}

    @classmethod
    async def of(cls, request: httpx.Request) -> Self:
        """Take any request of httpx's."""
        return cls(
            request.method,
            str(request.url),
            "",
            headers=request.headers.multi_items(),
            content=await request.aread(),
            limits=request.extensions.get("timeout", {}),
        )

    @cached_property
    def url(self) -> httpx.URL:  # type: ignore[override]  # an attribute of httpx's
        """The URL, as httpx reads and corrects it. Raises InvalidURL."""
        return httpx.URL(self.base_url + self.target)

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]  # an attribute of httpx's
        """The headers."""
        return httpx.Headers(self.given)

    def address(self) -> URL:
        """The URL to connect to. Raises InvalidURL, and UnsupportedProtocol for a wrong host."""
        try:
            # mutation: corrected-target
            if _PLAIN.fullmatch(self.target):
                base, path = _base(self.base_url)
                return base.with_path(path + self.target, encoded=True)
            found = URL(str(self.url), encoded=True)
            _checked(found)
        except ValueError as error:
            raise httpx.UnsupportedProtocol(str(error), request=self) from error
        return found


@lru_cache(maxsize=1000)
def _base(base_url: str) -> tuple[URL, str]:
    """A base URL, and its path. Raises ValueError and InvalidURL."""
    url = URL(str(httpx.URL(base_url)), encoded=True)
    _checked(url)
    return url, url.raw_path.rstrip("/")


def _checked(url: URL) -> None:
    """Raise ValueError for a host that cannot be looked up."""
    # mutation: unresolvable-host
    if not ssrf_guard.can_be_looked_up(url.raw_host or ""):
        raise ValueError("No resolver takes the host's name.")
