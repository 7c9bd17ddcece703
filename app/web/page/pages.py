"""The pages, in one list, and the rules of their paths."""

from app.web.page import (
    access,
    assets,
    attention,
    cancel,
    correct,
    demo,
    fix,
    health,
    import_order,
    jobs,
    key_rotate,
    keys,
    live,
    order,
    orders,
    returns,
    saved_views,
    selection,
    settle,
    ship,
    ship_many,
    store_access,
    store_carriers,
    store_connect,
    store_settings,
    stores,
)
from app.web.page.errors import render_for_browser
from app.web.page.route import PageRouter
from app.web.path_rules import PathRule

PAGES: tuple[PageRouter, ...] = (
    access.router,
    live.router,
    jobs.router,
    # Before the orders: their paths would match too.
    selection.router,
    saved_views.router,
    orders.router,
    import_order.router,
    ship_many.router,
    demo.router,
    health.router,
    attention.router,
    returns.router,
    # Before the stores: their paths would match too.
    store_connect.router,
    stores.router,
    store_access.router,
    store_carriers.router,
    store_settings.router,
    keys.router,
    key_rotate.router,
    ship.router,
    cancel.router,
    correct.router,
    settle.router,
    order.router,
    fix.router,
)
ASSETS = assets.router


def rules() -> list[PathRule]:
    """The rules of all pages, and last that of paths where nothing is."""
    own = [rule for router in PAGES for rule in router.rules]
    # As in routing, a path without a parameter at a place comes before one with it.
    own.sort(key=lambda rule: [part.startswith("{") for part in rule.path.split("/")])
    return [*own, PathRule("/", render=render_for_browser)]
