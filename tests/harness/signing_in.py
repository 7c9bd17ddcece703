"""People who are signed in to the page, for tests in this process and in a browser."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from app.storage.queries.views import StoreView
from app.storage.stores.sessions import Access
from app.usecases.access import sign_in
from app.usecases.context import AppContext

# A browser says so of each form that a page of ours sends.
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
HOST = "https://waybill.test"
COOKIE = "__Host-waybill"


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs in, and what for."""

    scope: str = "write"
    store: StoreView | None = None
    """None means every store."""
    name: str = "Jane"
    key_name: str = "operators"


async def token_for(context: AppContext, person: Person) -> str:
    """Open a session as `waybill sign-in` does; returns the value of its cookie."""
    store_id = person.store.store_id if person.store else None
    access = Access(person.name, store_id, person.scope, None, person.key_name)
    return await sign_in.sign_in(context, access)


def page_client(
    app: FastAPI, token: str | None, headers: Mapping[str, str] = SAME_ORIGIN
) -> httpx.AsyncClient:
    """A browser without scripts: keeps cookies, follows no redirect by itself."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    cookies = {COOKIE: token} if token else {}
    return httpx.AsyncClient(
        transport=transport, base_url=HOST, headers=dict(headers), cookies=cookies
    )
