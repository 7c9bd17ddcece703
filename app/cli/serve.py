"""`waybill serve`: the API, with a poller in the same process unless --no-poller is given."""

import asyncio
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from ipaddress import ip_network

import structlog

from app import logs
from app.bootstrap import process, worker
from app.cli import demo_control, http_server, listener
from app.cli.shutdown import Shutdown
from app.commerce.adobe_keys import open_keys
from app.endings import CannotGoOn
from app.metrics.registry import Metrics
from app.settings import Settings
from app.storage.postgres import readiness
from app.version import VERSION
from app.web.app import create_app
from app.web.client_address import TrustedProxies
from app.web.page_settings import PageSettings
from app.web.probes import create_metrics_app
from app.web.request_limits import RequestLimits

_log = structlog.get_logger(__name__)
# Seconds for requests in flight at a stop.
GRACE = 20


class CannotServe(CannotGoOn):
    """The process cannot start; the message says why and what to do."""


def serve(settings: Settings, *, host: str, port: int, with_poller: bool) -> None:
    """Answer requests until SIGTERM or SIGINT. Raises CannotServe, CannotListen, BadSettings."""
    logs.configure(settings.log_level, settings.log_format)
    listening = listener.take(host, port)
    metrics = None if settings.metrics_port is None else listener.take(host, settings.metrics_port)
    with asyncio.Runner(loop_factory=process.new_loop) as runner:
        runner.run(_serve(settings, listening, metrics, with_poller=with_poller))


async def _serve(
    settings: Settings,
    listening: socket.socket,
    metrics: socket.socket | None,
    *,
    with_poller: bool,
) -> None:
    shutdown = Shutdown(delay=settings.drain_delay)
    shutdown.on_signals()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process.telemetry())
        parts = await stack.enter_async_context(process.opened(settings))
        why_not = await readiness.not_ready(parts.database)
        if why_not is not None:
            raise CannotServe(why_not)
        measured = _metrics(parts)
        if metrics is not None:
            own = create_metrics_app(measured)
            await stack.enter_async_context(http_server.answering(own, metrics))
        if with_poller:
            await stack.enter_async_context(worker.polling(parts, ended=shutdown.now))
        keys = open_keys()
        stack.push_async_callback(keys.close)
        admin = settings.admin_key
        # mutation: api-readiness
        app = create_app(
            context=parts.context,
            admin_key=admin.get_secret_value() if admin else None,
            metrics=measured,
            metrics_here=metrics is None,
            ready=lambda: readiness.not_ready(parts.database),
            version=VERSION,
            adobe_keys=keys,
            stopping=shutdown.stop,
            draining=shutdown.draining,
            page=await _page_settings(settings, stack),
            limits=RequestLimits(
                rate=settings.api_rate,
                burst=settings.api_burst,
                timeout=settings.request_timeout,
                proxies=TrustedProxies(tuple(map(ip_network, settings.trusted_proxies))),
            ),
        )
        if app.state.rates is not None:
            measured.process.show_requests_left(app.state.rates.fewest_left)
        stack.push_async_callback(app.state.refusals.close)
        _log.info("serving", address=str(listening.getsockname()), poller=with_poller)
        await http_server.answer(app, listening, shutdown, grace=GRACE)


def _metrics(parts: process.Parts) -> Metrics:
    return Metrics(
        parts.database,
        VERSION,
        started_at=datetime.now(UTC),
        # Without a session of its own a poller has no lock, by which it is counted.
        sees_pollers=process.can_listen(parts.settings),
    )


async def _page_settings(settings: Settings, stack: AsyncExitStack) -> PageSettings:
    control = None
    if settings.demo_simulator is not None:
        control = await stack.enter_async_context(demo_control.opened(settings.demo_simulator))
    return PageSettings(settings.public_url, settings.frame_ancestors, control)
