"""Composes the worker: each part of a poller gets the settings and collaborators that it needs."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from app.bootstrap.process import Parts, can_listen, direct_url
from app.domain.outbox.rate_limits import Endpoint
from app.domain.outbox.retry_policy import RetryPolicy
from app.storage.outbox.notify import NotifyListener
from app.storage.outbox.take import ClaimSettings
from app.worker.claimer import Claimer
from app.worker.completer import Completer
from app.worker.dispatcher import Dispatcher
from app.worker.executor import Executor
from app.worker.maintenance import jobs
from app.worker.maintenance.aging import AgeLimitDays
from app.worker.maintenance.jobs import MaintenanceSettings
from app.worker.maintenance.retention import RetentionDays
from app.worker.maintenance.scheduler import Job, MaintenanceScheduler
from app.worker.poller import Poller
from app.worker.query_pacer import QueryPacer

# Share of a lease in which a stopping poller lets deliveries in flight end.
DRAIN_SHARE = 0.8


@asynccontextmanager
async def polling(parts: Parts, *, ended: Callable[[], object]) -> AsyncIterator[None]:
    """Run a poller during the block, and drain it at the end.

    ended is called when the poller ends, also when it fails. The block then raises its error.
    """
    stop = asyncio.Event()
    begin = asyncio.Event()
    async with AsyncExitStack() as stack:
        if can_listen(parts.settings):
            url = direct_url(parts.settings, parts.url)
            listener = NotifyListener(url, parts.wake_signal, of_poller=True)
            begin = (await stack.enter_async_context(listener)).shown
        else:
            begin.set()
        running = asyncio.create_task(_run(poller(parts), begin, stop), name="poller")
        running.add_done_callback(lambda _: ended())
        try:
            yield
        finally:
            stop.set()
            await running


async def _run(poller: Poller, begin: asyncio.Event, stop: asyncio.Event) -> None:
    """Run a poller once it may begin: it waits while a database is recovered (presence.py)."""
    waits = [asyncio.create_task(each.wait()) for each in (begin, stop)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    await poller.run(stop)


def poller(parts: Parts) -> Poller:
    """Compose a poller of the parts of a process."""
    settings, context = parts.settings, parts.context
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
    completer = Completer(
        database=context.database,
        new_id=context.new_id,
        monotonic=parts.monotonic,
        give_up_after=settings.lease,
        breaker=parts.breaker,
    )
    executor = _executor(parts, name, completer)
    dispatcher = Dispatcher(
        database=context.database,
        claimer=_claimer(parts, name),
        executor=executor,
        wake_signal=parts.wake_signal,
        concurrency=settings.poller_concurrency,
        pacer=QueryPacer(parts.monotonic, settings.poll_interval),
        monotonic=parts.monotonic,
    )
    # The dispatcher starts deliveries; their ends and their results wake it.
    completer.due = dispatcher.may_be_due
    executor.freed, executor.recorded = dispatcher.slot_freed, dispatcher.delivery_recorded
    completer.waited_for = lambda waiting: waiting >= len(executor) and dispatcher.held_up
    return Poller(
        dispatcher=dispatcher,
        executor=executor,
        completer=completer,
        maintenance=MaintenanceScheduler(_jobs(parts), parts.random),
        heartbeat=parts.heartbeat,
        drain=settings.lease * DRAIN_SHARE,
    )


def _claimer(parts: Parts, name: str) -> Claimer:
    settings, context = parts.settings, parts.context
    # mutation: fresh-shipment-age-setting
    return Claimer(
        database=context.database,
        cipher=context.cipher,
        settings=ClaimSettings(
            name,
            settings.lease,
            settings.walmart_timeout,
            {Endpoint(name): rate for name, rate in (settings.walmart_rates or {}).items()},
            settings.quiet_period,
        ),
        breaker=parts.breaker,
        new_id=context.new_id,
        monotonic=parts.monotonic,
    )


def _executor(parts: Parts, name: str, completer: Completer) -> Executor:
    settings, context = parts.settings, parts.context
    policy = RetryPolicy(
        base=settings.retry_base,
        cap=settings.retry_cap,
        give_up_after=settings.give_up_after,
        quiet_period=settings.quiet_period,
    )
    return Executor(
        database=context.database,
        walmart=context.walmart,
        commerce=context.commerce,
        completer=completer,
        poller=name,
        lease=settings.lease,
        timeout=settings.walmart_timeout,
        policy=policy,
        random=parts.random,
        new_id=context.new_id,
        monotonic=parts.monotonic,
    )


def _jobs(parts: Parts) -> list[Job]:
    settings = parts.settings
    return jobs.jobs(
        parts.context,
        parts.webhook_sender,
        parts.breaker,
        MaintenanceSettings(
            poll_interval=settings.poll_interval,
            quiet_period=settings.quiet_period,
            ship_by_warning=settings.ship_by_warning,
            reconcile_interval=settings.reconcile_interval,
            import_interval=settings.import_interval,
            retention=RetentionDays(
                updates=settings.retain_updates,
                attempts=settings.retain_attempts,
                idempotency_keys=settings.retain_idempotency_keys,
                audit=settings.retain_audit,
            ),
            age_limits=AgeLimitDays(
                orders=settings.retain_orders,
                returns=settings.retain_returns,
                events=settings.retain_events,
            ),
            public_url=settings.public_url or "",
        ),
    )
