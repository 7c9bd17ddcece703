"""Which addresses are pages of ours, so that no link leads a person to another site."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIRouter

_UNSAFE = re.compile(r"[\x00-\x20\\\x7f]")


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
    """An address as path and query, if it is a page of ours; None for any other."""
    # Browsers read a backslash as a slash, and leave out tabs and line ends.
    if _UNSAFE.search(given) or not given.startswith("/") or given.startswith("//"):
        return None
    parts = urlsplit(given)
    pattern: re.Pattern[str] = app.state.page_paths
    # mutation: sign-in-leads-to-pages
    if parts.scheme or parts.netloc or not pattern.fullmatch(parts.path):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
