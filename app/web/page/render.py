"""Renders templates: Jinja with escaping of all data, the viewer's language and time zone."""

import gzip
from collections.abc import Mapping
from functools import lru_cache
from uuid import uuid4

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request

from app.web.access import settings_of
from app.web.page import formats, i18n
from app.web.page.assets import ASSETS, accepts_gzip
from app.web.page.viewer import CURRENT, Viewer

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {}"
)


def page(
    request: Request, viewer: Viewer, template: str, values: Mapping[str, object], status: int
) -> Response:
    """Render a template as a whole page."""
    text = render(viewer, template, values).encode()
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": policy(settings_of(request).frame_ancestors),
        # Without a referrer an older browser would send no Origin either (csrf.py).
        "Referrer-Policy": "same-origin",
        "Vary": "Accept-Encoding, Accept-Language, Cookie",
    }
    if accepts_gzip(request):
        text, headers["Content-Encoding"] = gzip.compress(text, 5, mtime=0), "gzip"
    return Response(text, status, headers, media_type="text/html; charset=utf-8")


def render(viewer: Viewer, template: str, values: Mapping[str, object]) -> str:
    """Render a template for a viewer."""
    before = CURRENT.set(viewer)
    try:
        return _ENVIRONMENT.get_template(template).render(values)
    finally:
        CURRENT.reset(before)


def policy(frame_ancestors: str | None) -> str:
    """The Content-Security-Policy of every page. frame_ancestors: who may frame it."""
    return _POLICY.format(frame_ancestors or "'none'")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.web.page"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # The translations of the present viewer, so that one environment serves every language.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        _gettext, _ngettext, newstyle=True
    )
    environment.globals["_"] = _text
    environment.filters.update(formats.FILTERS)
    environment.globals["asset"] = ASSETS.address
    environment.globals["viewer"] = CURRENT.get
    environment.globals["new_key"] = lambda: uuid4().hex
    return environment


def _text(text: str, **values: object) -> Markup:
    """A text with its values: what Jinja's own `_` answers, at a fifth of the cost for a page."""
    if not values:
        return _kept(CURRENT.get().locale, text)
    return _marked(CURRENT.get().raw(text)) % values


@lru_cache(maxsize=4096)
def _kept(locale: str, text: str) -> Markup:
    return _marked(i18n.translations(locale).gettext(text)) % {}


def _marked(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - a text of ours or of a translation


def _gettext(text: str) -> str:
    return CURRENT.get().raw(text)


def _ngettext(one: str, many: str, count: int) -> str:
    return CURRENT.get().raw_plural(one, many, count)


_ENVIRONMENT = _environment()
