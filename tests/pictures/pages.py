"""The pages that have a picture, and that the sweep of accessibility visits.

A new page needs an entry here: `tests/integration/page/test_pictures.py` names the pages without
one. Addresses name what happened in the shop of `stories.py`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

Act = Callable[[Page], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class PagePicture:
    """One page in one state."""

    name: str
    """Of the file."""
    path: str
    """The address. `{open}` is the order of that name in the shop."""
    act: Act | None = None
    """What the person does there first."""
    scope: str | None = "admin"
    """None means that the person is not signed in."""
    link: str = ""
    """A selector: the address is that of the first such link on the page at `path`."""
    route: str = ""
    """The path of the page behind that link."""
    status: int = 200
    """Of the answer."""


def click(selector: str) -> Act:
    """Click what the selector finds first."""
    return lambda page: page.locator(selector).first.click()


async def _select(page: Page) -> None:
    await page.locator("tbody [type=checkbox]").first.check()


async def _ask_to_retry(page: Page) -> None:
    await _select(page)
    await page.locator("button[value=retry]").click()
    await page.locator("[name=confirmed]").wait_for(state="attached")


async def _retry(page: Page) -> None:
    await _ask_to_retry(page)
    await page.locator("main form .btn.main").click()
    await page.wait_for_url("**/jobs/**")


PICTURES = (
    PagePicture("sign-in", "/sign-in", scope=None),
    PagePicture("enter", "/enter/{token}", scope=None),
    PagePicture("orders", "/orders"),
    PagePicture("orders-search", "/orders?q=179633012"),
    PagePicture("import-order", "/orders/import"),
    PagePicture("ship-many", "/orders/ship-many"),
    PagePicture("orders-selected", "/orders", act=_select),
    PagePicture("selection", "/orders?status=error", act=_ask_to_retry),
    PagePicture("job", "/orders?status=error", act=_retry, route="/jobs/{job_id}"),
    PagePicture("order", "/orders/{partly}"),
    PagePicture("order-refused", "/orders/{refused-0}"),
    PagePicture("order-cancel-asked", "/orders/{cancel-asked}"),
    PagePicture("order-returned", "/orders/{returned}"),
    PagePicture("ship", "/orders/{open}/ship"),
    PagePicture("cancel", "/orders/{cancel-asked}/cancel"),
    PagePicture("correct-tracking", "/orders/{partly}/shipments/{shipment}/correct"),
    PagePicture("retry", "/updates/{failed}/retry"),
    PagePicture("settle", "/updates/{failed}/settle"),
    PagePicture("fix", "/updates/{failed}/fix"),
    PagePicture("settle-a-change", "/commerce-events/{change}/settle"),
    PagePicture("returns", "/returns"),
    PagePicture("refund", "/returns/{return}/refund"),
    PagePicture("attention", "/attention"),
    PagePicture(
        "attention-cause",
        "/attention",
        link="a[href^='/attention/']:not([href*='/fix'])",
        route="/attention/{group_id}",
    ),
    PagePicture(
        "attention-fix",
        "/attention",
        link="a[href^='/attention/'][href*='/fix']",
        route="/attention/{group_id}/fix",
    ),
    PagePicture("health", "/health"),
    PagePicture("health-table", "/health?span=7d", act=click(".twin > summary")),
    PagePicture("stores", "/stores"),
    PagePicture("connect-a-store", "/stores/connect"),
    PagePicture("connect-a-store-keys", "/stores/connect/walmart?name=Mexico&market=MX&code=mx"),
    PagePicture("store", "/stores/{store}"),
    PagePicture("store-read-only", "/stores/{store}", scope="read"),
    PagePicture("store-walmart", "/stores/{store}/walmart"),
    PagePicture("store-commerce", "/stores/{store}/commerce?new=true"),
    PagePicture("store-carriers", "/stores/{store}/carriers"),
    PagePicture("store-notifications", "/stores/{store}/notifications"),
    PagePicture("store-announcements", "/stores/{store}/announce"),
    PagePicture("store-settings", "/stores/{store}/settings"),
    PagePicture("keys", "/keys"),
    PagePicture("make-a-key", "/keys/new"),
    PagePicture("rotate-a-key", "/keys", link="a[href*='/rotate']", route="/keys/{key_id}/rotate"),
    PagePicture("revoke-a-key", "/keys", link="a[href*='/revoke']", route="/keys/{key_id}/revoke"),
    PagePicture("not-found", "/orders/{missing}", status=404),
)
"""In the order of the documentation."""
WITHOUT_PICTURE = frozenset(
    {
        "/",
        "/assets/{version}/{name}",
        "/favicon.ico",
        "/live",
        "/orders/export",
        "/orders/{order_id}/support.txt",
    }
)
"""Addresses that show no page of their own."""
