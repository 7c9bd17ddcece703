"""Health probes and connection limits while the database or the clients fail."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.cli.connection_limits import Limits
from tests.forked import Forked
from tests.harness.databases import Server, as_application
from tests.harness.waiting import LIMIT
from tests.processes import Deployment, deployed, free_port, until

# More than a process's usual soft limit of file descriptors.
SLOW, USUAL = 1_100, 1_024


@contextmanager
def at_most(descriptors: int) -> Iterator[None]:
    """Limit the file descriptors of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def deployment(fresh_url: str, tmp_path: Path) -> Iterator[Deployment]:
    launch = partial(Forked, descriptors=USUAL)
    limited, own = as_application(fresh_url), {"WAYBILL_METRICS_PORT": str(free_port())}
    with deployed(limited, tmp_path, launch, owner_url=fresh_url, pollers=0, **own) as running:
        yield running


def answer(address: str, path: str) -> httpx.Response:
    return httpx.get(f"{address}/{path}", trust_env=False, timeout=LIMIT)


def test_no_process_is_ready_while_the_database_is_read_only(
    deployment: Deployment, server: Server, fresh_url: str
) -> None:
    name = urlsplit(fresh_url).path.removeprefix("/")
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    poller = f"http://127.0.0.1:{free_port()}"
    figures = f"http://127.0.0.1:{free_port()}"
    start_poller(deployment, poller, figures)
    deployment.wait_for(f"{poller}/livez", "poller")
    both = (deployment.api, poller)
    until(lambda: all(answer(each, "readyz").status_code == 200 for each in both))
    server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    server.execute(cut)
    for each in both:
        assert answer(each, "readyz").status_code == 503
        assert answer(each, "livez").status_code == 200
    assert answer(deployment.api, "readyz").json()["code"] == "database_unavailable"
    server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    until(lambda: all(answer(each, "readyz").status_code == 200 for each in both))


def start_poller(deployment: Deployment, probes: str, metrics: str) -> None:
    ports = [each.rpartition(":")[2] for each in (probes, metrics)]
    deployment.start("poller", "poller", "--port", ports[0], WAYBILL_METRICS_PORT=ports[1])


def test_metrics_are_on_their_own_port_and_nothing_else_is(deployment: Deployment) -> None:
    own = f"http://127.0.0.1:{deployment.environment['WAYBILL_METRICS_PORT']}"
    probes, pollers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    start_poller(deployment, probes, pollers)
    deployment.wait_for(f"{pollers}/metrics", "poller")
    assert answer(deployment.api, "metrics").status_code == 404
    assert answer(own, "livez").status_code == answer(pollers, "livez").status_code == 404
    until(lambda: "\nwaybill_pollers 1.0\n" in answer(own, "metrics").text)
    found = answer(own, "metrics").text
    assert "waybill_queue_depth" in found
    assert "\nwaybill_key_requests_left 2000.0\n" in found
    found = answer(pollers, "metrics").text
    assert "waybill_database_pool_size" in found
    assert "process_resident_memory_bytes" in found
    # The figures of the database would be there once more for each poller.
    assert "waybill_queue_depth" not in found


def test_a_stopping_api_is_not_ready_and_still_serves(deployment: Deployment) -> None:
    leaving = f"http://127.0.0.1:{free_port()}"
    words = ("serve", "--no-poller", "--port", leaving.rpartition(":")[2])
    process = deployment.start(
        "leaving", *words, WAYBILL_DRAIN_DELAY="300", WAYBILL_METRICS_PORT=""
    )
    deployment.wait_for(f"{leaving}/readyz", "leaving")
    process.terminate()
    until(lambda: answer(leaving, "readyz").status_code == 503)
    assert answer(leaving, "readyz").json()["code"] == "draining"
    # Clients that keep connections find another process for their next request.
    until(lambda: answer(leaving, "livez").headers.get("Connection") == "close")
    headers = {"Authorization": f"Bearer {deployment.key}"}
    served = httpx.get(f"{leaving}/v1/orders", headers=headers, trust_env=False, timeout=LIMIT)
    assert served.status_code == 200
    # The second signal ends the delay.
    assert deployment.stop("leaving") == 0


def test_a_header_has_ten_seconds() -> None:
    """`waybill serve` sets no other limit."""
    assert Limits(SLOW).header_seconds == 10.0


def test_many_unfinished_headers_do_not_block_other_clients(deployment: Deployment) -> None:
    host, port = urlsplit(deployment.api).hostname, urlsplit(deployment.api).port

    async def begin_many() -> httpx.Response:
        opened = []
        try:
            for _ in range(SLOW):
                _, writer = await asyncio.open_connection(host, port)
                writer.write(b"GET /livez HTTP/1.1\r\nX-Slow: ")
                opened.append(writer)
            return await asyncio.to_thread(answer, deployment.api, "livez")
        finally:
            for writer in opened:
                writer.close()

    with at_most(4 * USUAL):
        assert asyncio.run(begin_many()).status_code == 200
