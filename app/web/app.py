"""Creates the web app from its collaborators."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.commerce.adobe_keys import AdobeKeys
from app.usecases.context import AppContext
from app.web import docs, health, openapi, problems
from app.web.access import pattern_of
from app.web.addresses import CanonicalAddresses
from app.web.allowed_methods import AllowedMethods
from app.web.auth import KeyRing
from app.web.commerce import (
    comments,
    credit_memos,
    io_events,
    order_items,
    tokens,
    without_meaning,
)
from app.web.commerce import hooks as commerce_hooks
from app.web.commerce import orders as commerce_orders
from app.web.commerce import shipments as commerce_shipments
from app.web.last_changes import LastChanges
from app.web.live import LiveHints
from app.web.middleware import RequestMiddleware
from app.web.page import pages
from app.web.page.attention_count import AttentionCounts
from app.web.page_settings import PageSettings
from app.web.path_rules import PathRules
from app.web.probes import MetricsSource, Ready
from app.web.refusals import Refusals
from app.web.request_limits import RequestLimits
from app.web.route import OperationRouter
from app.web.time_limit import TimeLimit
from app.web.v1 import (
    api_keys,
    attention,
    audit,
    bulk,
    cancellations,
    carriers,
    commerce_events,
    events,
    exports,
    fast_shipment,
    inventory,
    jobs,
    many,
    order_reads,
    orders,
    packages,
    people,
    returns,
    shipments,
    stores,
    sync_health,
    updates,
)
from app.web.walmart import webhooks as walmart_webhooks

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
OPERATIONS: tuple[OperationRouter, ...] = (
    people.router,
    stores.router,
    api_keys.router,
    audit.router,
    carriers.router,
    jobs.router,
    many.orders_router,
    many.updates_router,
    events.router,
    exports.orders_router,
    exports.returns_router,
    exports.updates_router,
    order_reads.router,
    orders.router,
    shipments.router,
    packages.router,
    cancellations.router,
    bulk.router,
    inventory.router,
    returns.router,
    updates.router,
    attention.router,
    commerce_events.router,
    sync_health.router,
    # Before the orders, whose routes or rules would match their paths too.
    tokens.router,
    order_items.router,
    commerce_orders.router,
    comments.router,
    commerce_shipments.router,
    credit_memos.router,
    # After the operations of the same paths.
    without_meaning.router,
    walmart_webhooks.router,
    # Before the hooks, whose route would match its path too.
    io_events.router,
    commerce_hooks.router,
)


def create_app(
    *,
    context: AppContext,
    admin_key: str | None,
    metrics: MetricsSource,
    ready: Ready,
    version: str,
    adobe_keys: AdobeKeys,
    answer_within: float = 8.0,
    page: PageSettings | None = None,
    metrics_here: bool = True,
    stopping: asyncio.Event | None = None,
    draining: asyncio.Event | None = None,
    limits: RequestLimits | None = None,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Create the API and the page.

    ready returns None, or the reason why requests cannot be served. adobe_keys verify events of
    Adobe; the caller closes them. answer_within is the time limit in seconds for webhooks and
    events: Commerce waits 8 seconds for an answer, Adobe 10. metrics_here is False where the
    metrics have a port of their own. stopping is set when the process stops: streams of events end
    at once. draining is set some time before: the process is not ready any more, and still answers.
    limits: None means none, and no proxy. The caller closes `state.refusals`.
    """
    limits = limits or RequestLimits()
    app = FastAPI(
        title=openapi.TITLE,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
        # FastAPI would look for a collector in the environment on each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = context
    app.state.keys = KeyRing(context.database, admin_key, time.monotonic)
    app.state.live = LiveHints(context.database, stopping or asyncio.Event())
    app.state.metrics = metrics
    app.state.refusals = Refusals(context, time.monotonic)
    app.state.rates = limits.rates(time.monotonic)
    app.state.ready = ready
    app.state.draining = draining or asyncio.Event()
    app.state.answer_within = answer_within
    app.state.adobe_keys = adobe_keys
    app.state.page = page or PageSettings()
    app.state.attention = AttentionCounts(time.monotonic)
    app.state.last_changes = LastChanges(time.monotonic)
    app.state.page_paths = pattern_of(pages.PAGES)
    probes = [health.router, health.metrics_router] if metrics_here else [health.router]
    # Their routes are complete. `include_router` would make each of them again, for every app.
    for router in (*OPERATIONS, *probes, *pages.PAGES, pages.ASSETS):
        app.router.routes.extend(router.routes)
    problems.install(app)
    docs.install(app)
    openapi.install(app)
    # Each middleware is outside of those that were added before it.
    app.add_middleware(AllowedMethods, routes=list(iter_route_contexts(app.routes)))
    app.add_middleware(fast_shipment.FastShipment)
    if limits.timeout:
        app.add_middleware(TimeLimit, seconds=limits.timeout)
    operations = [rule for router in OPERATIONS for rule in router.rules]
    rules = PathRules([*operations, *pages.rules()])
    app.add_middleware(
        RequestMiddleware,
        rules=rules,
        observer=metrics,
        new_id=lambda: uuid4().hex,
        proxies=limits.proxies,
        refusals=app.state.refusals,
    )
    app.add_middleware(CanonicalAddresses)
    return app
