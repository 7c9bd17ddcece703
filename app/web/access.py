"""What the API and the page share about people who sign in: keys, links, and addresses of pages."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, APIRouter

from app.domain.scope import Scope
from app.storage.stores.sessions import Access
from app.web.auth import Caller, KeyRing
from app.web.page_settings import PageSettings

_UNSAFE = re.compile(r"[\x00-\x20\\\x7f]")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def keys_of(request: Request) -> KeyRing:
    """The keys of the app."""
    keys: KeyRing = request.app.state.keys
    return keys


def settings_of(request: Request) -> PageSettings:
    """What the deployment set about the page."""
    settings: PageSettings = request.app.state.page
    return settings


def is_secure(request: Request) -> bool:
    """Whether people reach the page by https: everywhere but on this machine."""
    return urlsplit(f"//{request.headers.get('host', '')}").hostname not in _LOOPBACK


def public_address(request: Request) -> str:
    """The address at which people reach the page, without a slash at its end."""
    given = settings_of(request).public_url
    if given is not None:
        return given.rstrip("/")
    scheme = "https" if is_secure(request) else "http"
    return f"{scheme}://{request.headers.get('host', 'localhost')}"


def strongest(caller: Caller) -> Scope:
    """The scope that implies all scopes of a caller."""
    return max((each for each in Scope if each in caller.scopes), key=list(Scope).index)


def access_of(
    caller: Caller,
    name: str,
    keys: KeyRing,
    *,
    scope: str | None = None,
    store_id: int | None = None,
) -> Access:
    """What a person may do with a key. scope, store_id: less than the key; None means as it."""
    admin = caller.key == "admin"
    return Access(
        name=name,
        store_id=store_id or caller.store_id,
        scope=scope or strongest(caller),
        key_id=None if admin else UUID(caller.key),
        key_name=caller.name,
        admin_hash=keys.admin_hash if admin else None,
    )


def pattern_of(routers: Iterable[APIRouter]) -> re.Pattern[str]:
    """A pattern of the paths of all pages that can be opened."""
    paths = {
        route.path
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    }
    return re.compile(
        "|".join("[^/]+".join(map(re.escape, re.split(r"{\w+}", path))) for path in sorted(paths))
    )


def page_path(app: FastAPI, given: str) -> str | None:
    """An address as path and query, if it is a page of ours; None for any other.

    So no link leads a person to another site.
    """
    # Browsers read a backslash as a slash, and leave out tabs and line ends.
    if _UNSAFE.search(given) or not given.startswith("/") or given.startswith("//"):
        return None
    parts = urlsplit(given)
    pattern: re.Pattern[str] = app.state.page_paths
    # mutation: sign-in-leads-to-pages
    if parts.scheme or parts.netloc or not pattern.fullmatch(parts.path):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
