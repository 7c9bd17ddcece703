"""Visits the pages of the list in Chromium, as a person who is signed in."""

import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from fastapi import FastAPI
from fastapi.routing import APIRoute
from playwright.async_api import Page

from app.storage.stores.sessions import Access
from app.usecases.access import sign_in
from app.web.page.pages import PAGES
from tests.pictures.pages import PICTURES, PagePicture
from tests.pictures.stories import Shop

_PARAMETER = re.compile(r"{[\w-]+}")


def page_routes() -> list[str]:
    """The paths of all pages that can be opened."""
    return [
        route.path
        for router in PAGES
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    ]


def shows(picture: PagePicture, path: str) -> bool:
    """Whether a picture is of the page with this path."""
    own = picture.route or picture.path.partition("?")[0]
    return _PARAMETER.sub("{}", own) == _PARAMETER.sub("{}", path)


def present(pictures: Sequence[PagePicture] = PICTURES) -> list[PagePicture]:
    """The pictures of pages that exist."""
    routes = page_routes()
    return [each for each in pictures if any(shows(each, route) for route in routes)]


async def places(app: FastAPI, shop: Shop) -> dict[str, str]:
    """What addresses may name: what happened in the shop, and a link that signs in."""
    access = Access("Jane Doe", None, "write", None, "operators")
    link = await sign_in.make_link(app.state.context, access, "/orders")
    missing = str(UUID(int=shop.stores[0].id.int ^ (1 << 90)))
    return {**shop.places, "token": link.token, "missing": missing}


async def visit(page: Page, picture: PagePicture, named: Mapping[str, str]) -> int:
    """Open a page and bring it into the state of its picture; returns the status of the answer."""
    address = _PARAMETER.sub(lambda found: named[found[0][1:-1]], picture.path)
    answer = await page.goto(address)
    if picture.link:
        href = await page.locator(picture.link).first.get_attribute("href")
        assert href is not None, picture.name
        answer = await page.goto(href)
    if picture.act is not None:
        await picture.act(page)
    await page.evaluate("document.fonts.ready")
    assert answer is not None
    return answer.status
