"""Each 503 says in the log why; the caller gets no more than it did."""

import asyncio
import time
from typing import Any, cast

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from app import logs
from app.domain.errors import Busy, NotAvailable, Stale
from app.storage.postgres import errors
from app.storage.postgres.batcher import Batcher
from app.storage.postgres.pool import Pool, PoolClosed
from app.usecases.context import AppContext
from app.web import problems
from app.web.client_address import TrustedProxies
from app.web.middleware import RequestMiddleware
from app.web.path_rules import PathRules
from app.web.probes import DRAINING, create_probes
from app.web.problem_codes import CODES
from app.web.refusals import Refusals

_SAID = "10.1.2.3 said no"
_STATES = {
    "08006": "connection_lost",
    "25006": "database_read_only",
    "25P03": "transaction_was_idle",
    "28P01": "database_refuses_role",
    "3D000": "database_missing",
    "40001": "serialization_failure",
    "40P01": "deadlock",
    "53100": "database_disk_full",
    "53200": "database_out_of_resources",
    "53300": "database_connections_used_up",
    "55P03": "row_locked",
    "57014": "statement_timeout",
    "57P01": "database_stopping",
    "57P03": "database_starting",
    "58030": "database_io_error",
}
_OTHERS: list[tuple[Exception, str]] = [
    (ConnectionRefusedError(_SAID), "database_unreachable"),
    (TimeoutError(), "database_silent"),
    (asyncpg.InterfaceError("connection is closed"), "connection_lost"),
    (asyncpg.OutdatedSchemaCacheError("it changed"), "schema_changed"),
    (sa.exc.TimeoutError("QueuePool limit"), "pool_exhausted"),
    (PoolClosed("closed"), "process_stopping"),
]


class _NoMetrics:
    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        del method, route, status, seconds


def api(error: Exception) -> ASGIApp:
    """An API of one operation, which fails."""
    app = FastAPI()
    problems.install(app)

    @app.get("/orders/{order}")
    async def fail(order: str) -> None:
        del order
        raise error

    return RequestMiddleware(
        app,
        rules=PathRules([]),
        observer=_NoMetrics(),
        new_id=lambda: "made",
        proxies=TrustedProxies(),
        refusals=Refusals(cast("AppContext", None), time.monotonic),
    )


async def asked(app: Any, path: str = "/orders/1") -> tuple[httpx.Response, list[Any]]:
    """An answer, with the lines of the log."""
    transport = httpx.ASGITransport(app=app)
    merged = [logs.add_about]
    with structlog.testing.capture_logs(processors=merged) as logged:
        async with httpx.AsyncClient(transport=transport, base_url="http://w.test") as client:
            return await client.get(path), [
                each for each in logged if each["event"] == "not_available"
            ]


@pytest.mark.parametrize("code", [code for code, (status, _) in CODES.items() if status == 503])
async def test_the_log_has_the_cause_of_each_503_and_the_caller_has_not(code: str) -> None:
    answer, logged = await asked(api(NotAvailable(code, "Later.", cause=_SAID)))
    assert [(each["code"], each["cause"], each["route"]) for each in logged] == [
        (code, _SAID, "/orders/{order}")
    ]
    assert logged[0]["request_id"] == answer.json()["request_id"] == "made"
    assert answer.status_code == 503
    assert _SAID not in answer.text


async def test_a_cause_that_is_not_given_is_what_the_caller_gets() -> None:
    _, logged = await asked(api(NotAvailable("walmart_unavailable", "Walmart waits.")))
    assert [each["cause"] for each in logged] == ["Walmart waits."]


async def test_the_probes_of_a_poller_log_the_cause_too() -> None:
    async def ready() -> str | None:
        return "The schema is at 1, this version needs 2: waybill migrate."

    draining = asyncio.Event()
    app = create_probes(stopped=lambda: "It hangs.", ready=ready, draining=draining)
    _, logged = await asked(app, "/readyz")
    _, also = await asked(app, "/livez")
    draining.set()
    _, last = await asked(app, "/readyz")
    assert [(each["code"], each["cause"]) for each in logged + also + last] == [
        ("not_ready", "The schema is at 1, this version needs 2: waybill migrate."),
        ("not_alive", "It hangs."),
        ("not_ready", DRAINING),
    ]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        *(
            (asyncpg.PostgresError.new({"C": state, "M": _SAID}), word)
            for state, word in _STATES.items()
        ),
        *_OTHERS,
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
async def test_each_trouble_of_the_database_has_a_word(error: Exception, word: str) -> None:
    with pytest.raises(NotAvailable) as caught, errors.translated():
        raise error
    assert caught.value.cause.partition(":")[0] == word
    assert str(error) in caught.value.cause
    assert _SAID not in str(caught.value)
    assert isinstance(caught.value, Busy | Stale) is (
        word in {"row_locked", "deadlock", "serialization_failure"}
        or word in {"database_read_only", "schema_changed"}
    )


async def test_a_full_pool_says_how_many_connections_were_in_use() -> None:
    pool = Pool({}, size=1, patience=0.001)
    await pool._places.acquire()
    with pytest.raises(NotAvailable) as caught, errors.translated():
        await pool.take()
    assert caught.value.cause == "pool_exhausted: all 1 connections were in use for 0.001 s"


async def test_each_request_of_a_batch_gets_the_cause_of_its_failure() -> None:
    away = asyncio.Event()

    async def carry_out(_: Any) -> Any:
        if away.is_set():
            raise NotAvailable("database_unavailable", "Away.", cause="database_unreachable: x")
        await asyncio.Event().wait()

    batcher = Batcher[int, int](carry_out, most=2, at_once=1, patience=0.001)
    away.set()
    failed = await asyncio.gather(*(batcher.ask(each) for each in (1, 2)), return_exceptions=True)
    assert [getattr(each, "cause", None) for each in failed] == ["database_unreachable: x"] * 2
    away.clear()
    first = asyncio.create_task(batcher.ask(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(NotAvailable) as caught:
        await batcher.ask(2)
    assert caught.value.cause.startswith("queue_full: ")
    for each in (first, *batcher._running):
        each.cancel()
    await asyncio.gather(first, *batcher._running, return_exceptions=True)
