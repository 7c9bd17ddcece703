"""Lists of orders that a person saved under a name, kept in this browser.

A view is nothing but the parameters of an address. It is shown as a link and never applied by
itself, so that one that became useless locks no person out; what a cookie holds that is not a view
is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from fastapi import Response
from starlette.datastructures import QueryParams
from starlette.requests import Request

from app.web.page import order_list, session
from app.web.page.context import PageContext, PageReading
from app.web.page.order_list import OrdersAddress
from app.web.page.route import PageRouter
from app.web.page.store_access import text

router: Final = PageRouter()
COOKIE: Final = "waybill-views"
MOST: Final = 10
"""Views of a browser."""
LONGEST_NAME: Final = 40
# A browser keeps 4,096 bytes of a cookie.
_ROOM = 3_000
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view: its name, its address, and whether the list shows just that."""

    name: str
    href: str
    current: bool


def links(context: PageContext, shown: OrdersAddress) -> Sequence[SavedView]:
    """The views of the person, as links that keep the picked store."""
    here = _query(shown)
    return [
        SavedView(
            name, context.link("/orders", **_address(context, query).parameters()), here == query
        )
        for name, query in _saved(context.request)
    ]


@router.post("/orders/views")
async def change_views(context: PageReading) -> Response:
    """Save the list of an address under a name, or remove a view."""
    shown = _address(context, text(context, "filter"))
    name = " ".join(text(context, "name").split())[:LONGEST_NAME]
    removed = text(context, "remove")
    views = {each: query for each, query in _saved(context.request) if each != removed}
    said = context.viewer.gettext
    if removed:
        notice = said("The view %(name)s is removed.", name=removed[:LONGEST_NAME])
    elif not name:
        notice = said("Give the view a name.")
    else:
        wanted = {**views, name: _query(shown)}
        full = len(wanted) > MOST or len(_cookie(wanted)) > _ROOM
        notice = said("There is no room for another view. Remove one first.")
        if not full:
            views, notice = wanted, said("The view %(name)s is saved in this browser.", name=name)
    path = context.link("/orders", **shown.parameters())
    response = context.redirect(path, notice=notice)
    kept = session.kept_cookie(context.request, COOKIE, _cookie(views), _YEAR if views else 0)
    response.headers.append("Set-Cookie", kept)
    return response


def _address(context: PageContext, query: str) -> OrdersAddress:
    return order_list.read(QueryParams(query), context.viewer.zone)


def _query(shown: OrdersAddress) -> str:
    return urlencode(shown.parameters(), doseq=True)


def _cookie(views: dict[str, str]) -> str:
    return quote(urlencode(views), safe="")


def _saved(request: Request) -> list[tuple[str, str]]:
    given = unquote(request.cookies.get(COOKIE, ""))
    found = dict(parse_qsl(given[: 2 * _ROOM], keep_blank_values=True))
    return [
        (name, query)
        for name, query in found.items()
        if 0 < len(name) <= LONGEST_NAME and name.isprintable()
    ][:MOST]
