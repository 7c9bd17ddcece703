"""The web app, put together out of what its maker hands it."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from fastapi import FastAPI

from app.intake.desk import Desk
from app.web import docs, health, openapi, problems
from app.web.api import cancellations, inventory, orders, returns, shipments, stores, updates
from app.web.auth import KeyRing
from app.web.commerce import orders as commerce_orders
from app.web.health import MetricsSource, Ready
from app.web.middleware import Edge
from app.web.walmart import webhooks as walmart_webhooks

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    *,
    desk: Desk,
    admin_key: str | None,
    metrics: MetricsSource,
    ready: Ready,
    version: str,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Make the API. ready answers None, or a sentence on why requests cannot be served."""
    app = FastAPI(
        title=openapi.TITLE,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.desk = desk
    app.state.keys = KeyRing(desk.database, admin_key, time.monotonic)
    app.state.metrics = metrics
    app.state.ready = ready
    for router in (
        stores.router,
        orders.router,
        shipments.router,
        cancellations.router,
        inventory.router,
        returns.router,
        updates.router,
        commerce_orders.router,
        walmart_webhooks.router,
        health.router,
    ):
        app.include_router(router)
    problems.install(app)
    docs.install(app)
    openapi.install(app)
    app.add_middleware(Edge, observer=metrics, new_id=lambda: uuid4().hex)
    return app
