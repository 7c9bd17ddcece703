"""`waybill doctor`: checks settings, database, wake-up and stores, and says what to do.

`database_checks.py` judges what the database says about itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from app.bootstrap import process
from app.bootstrap.process import Parts
from app.cli import cluster_checks, database_checks
from app.cli.database_checks import Check
from app.commerce.errors import CommerceError
from app.domain.errors import Conflict, NotAvailable
from app.http_client import ssrf_guard
from app.settings import EMBEDDED, BadSettings, Settings
from app.storage import queries
from app.storage.cluster.facts import cluster_facts
from app.storage.outbox.notify import NotifyListener, WakeSignal
from app.storage.postgres import readiness, revisions
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.errors import NO_RIGHT, READ_ONLY, sqlstate
from app.storage.queries import KeysetPage
from app.storage.queries.views import StoreView
from app.storage.stores import credentials
from app.storage.stores.secrets import CannotDecrypt
from app.usecases.stores import rotate_secrets
from app.walmart import errors

_OLDEST = 140_000
_SKEW = 5.0
_MOST_STORES = 200
_MOST_SHOWN = 10
_COMMERCE = "WAYBILL_COMMERCE_PRIVATE_NETWORKS"
_NOTIFIED = "WAYBILL_NOTIFICATION_PRIVATE_NETWORKS"
# Seconds that a wake-up may take, with its connection.
_PATIENCE = 5.0
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


async def examine(settings: Settings, *, backup: Path | None = None) -> AsyncIterator[Check]:
    """Run the checks one after another, as far as the failed ones allow.

    backup: a file that each backup touches. None means that backups are not checked.
    """
    try:
        settings.required_database_url()
        settings.required_keys()
    except BadSettings as error:
        yield Check(fine=False, what="configuration", advice=str(error))
        return
    yield Check(fine=True, what="configuration is complete")
    if backup is not None:
        yield database_checks.backup(backup, time.time())
    async with process.opened(settings) as parts:
        try:
            async for finding in _database(parts):
                yield finding
            if await readiness.not_ready(parts.database) is None:
                for finding in await _operation(parts):
                    yield finding
                yield await _secrets(parts)
                async for finding in _stores(parts):
                    yield finding
        except (NotAvailable, sa.exc.SQLAlchemyError) as error:
            yield _unusable(error)


def _unusable(error: NotAvailable | sa.exc.SQLAlchemyError) -> Check:
    """Why the database cannot be used, in the words of the log."""
    cause = error.cause if isinstance(error, NotAvailable) else readiness.in_a_line(error)
    state = sqlstate(error) or sqlstate(error.__cause__)
    advice = "Check WAYBILL_DATABASE_URL, that PostgreSQL runs, and its pg_hba.conf."
    if state == READ_ONLY:
        advice = "Let WAYBILL_DATABASE_URL lead to a server that takes writes, not to a standby."
    elif state == NO_RIGHT:
        advice = "Give the role of WAYBILL_DATABASE_URL its rights: `waybill migrate --grant-to`."
    return Check(fine=False, what=f"database: {cause}", advice=advice)


async def _database(parts: Parts) -> AsyncIterator[Check]:
    async with parts.database.begin() as connection:
        version = (await connection.exec_driver_sql("SHOW server_version_num")).scalar_one()
        now = (await connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    new_enough = int(version) >= _OLDEST
    yield Check(
        new_enough,
        f"PostgreSQL {int(version) // 10_000} is reachable",
        "" if new_enough else "PostgreSQL 14 or newer is needed.",
    )
    current = await readiness.writable_revision(parts.database)
    head = revisions.head()
    # The schema is newer while a newer version rolls out beside this one.
    recent = current is not None and current >= head
    yield Check(
        recent,
        f"schema is at {current or 'nothing'}, this version's is {head}",
        "" if recent else "Run `waybill migrate`.",
    )
    skew = abs((datetime.now(UTC) - now).total_seconds())
    yield Check(
        skew < _SKEW,
        f"clocks differ by {skew:.1f} s",
        "" if skew < _SKEW else "Let NTP set this host's clock; leases use the database's.",
    )
    yield await _waking(parts)
    async with parts.database.begin() as connection:
        cluster = await cluster_facts(connection)
    for finding in cluster_checks.of_running(cluster) if cluster else ():
        yield finding


async def _operation(parts: Parts) -> list[Check]:
    """Check the role, the connections, the queue, the disk and the archive."""
    settings = parts.settings
    pooler = settings.database_pooler == "transaction"
    async with parts.database.begin() as connection:
        facts = await queries.database_facts(connection)
        oldest_due = (await queries.figures(connection)).oldest_due
    embedded = settings.required_database_url() == EMBEDDED
    one_role = Check(fine=True, what="the embedded database has one role, which owns it")
    host = str(asyncpg_arguments(parts.url).get("host", "/"))
    return [
        one_role if embedded else database_checks.rights(facts),
        database_checks.room(facts, settings.database_pool_size, pooler=pooler),
        database_checks.queue(oldest_due, facts.pollers, seen=process.can_listen(settings)),
        database_checks.disk(facts, local=host.startswith("/") or host in _THIS_MACHINE),
        database_checks.archive(facts),
    ]


async def _waking(parts: Parts) -> Check:
    """Send a NOTIFY and receive it, over the connections that API and poller would use."""
    if not process.can_listen(parts.settings):
        what = "pollers are woken by polling only (a pooler, and no WAYBILL_DATABASE_DIRECT_URL)"
        return Check(fine=True, what=what)
    wake_signal = WakeSignal()
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            NotifyListener(process.direct_url(parts.settings, parts.url), wake_signal),
        ):
            await wake_signal.wait()  # until it listens
            wake_signal.take()
            parts.context.wake()
            await wake_signal.wait()
    except TimeoutError:
        advice = "Let WAYBILL_DATABASE_DIRECT_URL lead to PostgreSQL itself, past any pooler."
        return Check(fine=False, what="pollers are not woken by LISTEN", advice=advice)
    return Check(fine=True, what="pollers are woken by LISTEN")


async def _commerce(parts: Parts, store: StoreView) -> Check:
    """Whether a read shows that orders can be created in the store's Commerce."""
    name = f"store {store.code}"
    try:
        commerce_connection = await parts.context.commerce_connection(store.store_id)
        if commerce_connection is not None:
            await parts.context.commerce.store_view_id(commerce_connection, lambda _: None)
    except (CommerceError, Conflict) as error:
        advice = f"docs/commerce.md says what it needs. {error}"
        return Check(fine=False, what=f"{name}: its Commerce cannot be used", advice=advice)
    return Check(fine=True, what=f"{name}: its Commerce has the store view")


async def _secrets(parts: Parts) -> Check:
    """Decrypt every secret, OAuth's too, and count those that need an older key."""
    report = await rotate_secrets.examine(parts.context)
    if report.unreadable:
        advice = f"{CannotDecrypt()}: {', '.join(report.unreadable[:_MOST_SHOWN])}"
        what = f"{len(report.unreadable)} of {report.total} secrets cannot be read"
        return Check(fine=False, what=what, advice=advice)
    if report.older:
        what = f"{report.older} of {report.total} secrets need an older encryption key"
        advice = (
            "Run `waybill rotate-secrets`, which encrypts them anew. Then take the older keys out "
            "of WAYBILL_ENCRYPTION_KEYS."
        )
        return Check(fine=False, what=what, advice=advice, serious=False)
    return Check(fine=True, what=f"{report.total} secrets need the newest encryption key only")


async def _networks(parts: Parts, store: StoreView) -> AsyncIterator[Check]:
    """Which addresses of a store are in private networks, and whether they may be called."""
    notified = store.notifications.host if store.notifications else None
    for noun, url, guard, setting in (
        ("Commerce", store.commerce.base_url, parts.context.guards.commerce, _COMMERCE),
        ("receiver of notifications", notified, parts.context.guards.notifications, _NOTIFIED),
    ):
        what = f"store {store.code}: its {noun} {url} is"
        reason = await guard.refused(url) if url else None
        if reason == ssrf_guard.INTERNAL:
            reason = f"{setting} denies it: name its network there, or move it."
            what += " in a private network, and"
        if reason is not None:
            yield Check(fine=False, what=f"{what} not called", advice=reason)
        elif url and await ssrf_guard.INTERNAL_DENIED.refused(url) == ssrf_guard.INTERNAL:
            what += f" in a private network: {setting}=deny would block it"
            yield Check(fine=True, what=what)


async def _stores(parts: Parts) -> AsyncIterator[Check]:
    async with parts.database.begin() as connection:
        found, more = await queries.stores(connection, None, KeysetPage(_MOST_STORES))
    for store in found:
        name = f"store {store.code}"
        try:
            async with parts.database.begin() as connection:
                opened = await credentials.of_walmart(
                    connection, store.store_id, parts.context.cipher
                )
            await parts.context.walmart.check(opened)
        except CannotDecrypt as error:
            yield Check(fine=False, what=f"{name}: its secret cannot be read", advice=str(error))
        except errors.CredentialsRejected:
            advice = "Correct the client id and secret with PATCH /v1/stores."
            yield Check(fine=False, what=f"{name}: Walmart rejects its keys", advice=advice)
        except errors.WalmartError as error:
            advice = f"Check WAYBILL_WALMART_BASE_URL and the network. {error}"
            yield Check(fine=False, what=f"{name}: Walmart cannot be asked", advice=advice)
        else:
            yield Check(fine=True, what=f"{name}: Walmart accepts its keys")
        async for finding in _networks(parts, store):
            yield finding
        if store.commerce.push_orders:
            yield await _commerce(parts, store)
    if more:
        yield Check(fine=True, what=f"only the first {_MOST_STORES} stores were asked about")
    if not found:
        yield Check(fine=True, what="no store is connected yet (POST /v1/stores)")
