"""Behind PgBouncer in transaction mode, where a server connection lasts for one transaction."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.storage.postgres.dsn import asyncpg_arguments
from tests.forked import Forked, deployed
from tests.harness.databases import EMPTIES, as_application
from tests.pooler import POOL_SIZE, pgbouncer
from tests.processes import Deployment, a_store, an_order, shipped_orders, until


@pytest.fixture
def pooled_url(fresh_url: str, data_folder: Path) -> Iterator[str]:
    with pgbouncer(fresh_url, data_folder / "pooler") as url:
        yield url


@pytest.fixture(params=["polling", "listening"])
def deployment(
    request: pytest.FixtureRequest, fresh_url: str, pooled_url: str, tmp_path: Path
) -> Iterator[Deployment]:
    settings = {"WAYBILL_DATABASE_POOLER": "transaction"}
    if request.param == "listening":
        settings["WAYBILL_DATABASE_DIRECT_URL"] = as_application(fresh_url)
    with deployed(pooled_url, tmp_path, pollers=2, **settings) as running:
        yield running


def waybill(deployment: Deployment, word: str) -> tuple[int, str]:
    """Run a command in the deployment's environment; return its exit code and its output."""
    result = deployment.run(word)
    return result.returncode, result.stdout + result.stderr


def test_the_main_job_is_done_through_a_pooler(
    deployment: Deployment, request: pytest.FixtureRequest
) -> None:
    with deployment.client() as client:
        store = a_store(client)
        orders = shipped_orders(deployment, client, store, "seller-1", 30, 1_796_330_400_000)
        canceled = an_order(deployment, client, store, "1796330400999", 1)
        path = f"/v1/orders/{canceled['id']}/cancellation"
        assert client.post(path, json={"reason": "fraud"}).status_code == 202

        def done() -> bool:
            summary = client.get("/v1/orders/summary").json()
            return bool(summary["shipped"] == len(orders) and summary["canceled"] == 1)

        until(done)
        timeline = client.get(f"/v1/orders/{orders[0]}/timeline")
        assert timeline.status_code == 200
    _, output = waybill(deployment, "doctor")
    listening = "listening" in request.node.name
    assert ("woken by LISTEN" in output) is listening, output
    assert ("woken by polling only" in output) is not listening, output
    for name in ("api", "poller-0", "poller-1"):
        assert "listening_failed" not in deployment.log(name)
        assert "Traceback" not in deployment.log(name)


async def test_concurrent_requests_share_the_pooler_s_few_connections(
    fresh_url: str, pooled_url: str, tmp_path: Path
) -> None:
    settings = {"WAYBILL_DATABASE_POOLER": "transaction", "WAYBILL_DATABASE_POOL_SIZE": "20"}
    with deployed(pooled_url, tmp_path, pollers=0, **settings) as deployment:
        with deployment.client() as client:
            order = an_order(deployment, client, a_store(client), "1796330400001", 40)
        async with deployment.async_client() as commerce:

            async def ship(number: int) -> httpx.Response:
                body = {
                    "carrier_code": "ups",
                    "tracking_number": f"1ZPOOL{number}",
                    "items": [{"line_number": "1", "quantity": 1}],
                }
                return await commerce.post(f"/v1/orders/{order['id']}/shipments", json=body)

            answers = await asyncio.gather(*(ship(number) for number in range(40)))
        assert {answer.status_code for answer in answers} == {202}
        connection = await asyncpg.connect(**asyncpg_arguments(fresh_url))
        counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        others = "AND pid <> pg_backend_pid() AND application_name <> $1"
        busy = await connection.fetchval(f"{counted} {others}", EMPTIES)
        await connection.close()
    assert busy <= POOL_SIZE


def test_migrations_refuse_to_run_through_a_pooler(pooled_url: str, tmp_path: Path) -> None:
    settings = {"WAYBILL_DATABASE_URL": pooled_url, "WAYBILL_DATABASE_POOLER": "transaction"}
    code, output = waybill(Deployment("", "", "", settings, tmp_path, Forked), "migrate")
    assert code == 1
    assert "WAYBILL_DATABASE_DIRECT_URL" in output
