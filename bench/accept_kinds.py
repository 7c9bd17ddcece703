"""`python -m bench.accept_kinds [CHECKOUT]`: the cost of each kind of request, alone or compared.

Sends shipments, shipments of two packages, cancellations and refunds to an API without a poller.
For each kind it prints the requests a second, and the processor time of a request in the API and in
PostgreSQL. CHECKOUT is the folder of another version of this repository: both versions then take
turns, each with a server and a database of its own, and the ratios of the medians are printed.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from tests.processes import WAYBILL, Deployment, a_store, deployed

HERE = Path(__file__).resolve().parent.parent
_SETTINGS = {"WAYBILL_LOG_LEVEL": "warning", "WAYBILL_API_RATE": "0"}
# Kind, connections, requests of a round.
KINDS = (
    ("shipment", 16, 2_000),
    ("shipment", 64, 2_000),
    ("packages", 16, 200),
    ("cancellation", 16, 400),
    ("refund", 4, 200),
)
Cost = Mapping[str, float]


@dataclass
class Version:
    """A running version of Waybill."""

    name: str
    deployment: Deployment
    postmaster: int
    """The process id of its PostgreSQL."""
    folder: Path
    costs: dict[str, list[Cost]] = field(default_factory=dict)

    def measure(self, kind: str, connections: int, requests: Path) -> None:
        """Send the requests, and record their cost."""
        api = self.deployment.processes["api"].pid
        before = _spent([api]), _spent(_servers(self.postmaster))
        said = subprocess.run(
            [
                *(sys.executable, "-m", "bench.load", self.deployment.api),
                *("--key", self.deployment.key, "--requests", str(requests)),
                *("--connections", str(connections), "--seconds", "300"),
            ],
            cwd=HERE,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        result: dict[str, Any] = json.loads(said)
        if not set(result["statuses"]) <= {"200", "202"}:
            raise AssertionError(f"{self.name}: {kind} was refused: {result['statuses']}")
        after = _spent([api]), _spent(_servers(self.postmaster))
        api_us, database_us = (
            (end - start) / result["used"] * 1e6 for start, end in zip(before, after, strict=True)
        )
        cost = {"per_second": result["per_second"], "api_us": api_us, "database_us": database_us}
        self.costs.setdefault(f"{kind}, {connections}", []).append(cost)


def _spent(pids: Sequence[int]) -> float:
    """Seconds of processor time of processes until now."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


def _servers(postmaster: int) -> list[int]:
    return [each.pid for each in psutil.Process(postmaster).children()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", default="", help="only kinds that begin with this")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        checkouts = {"this": HERE} | ({"other": wanted.checkout} if wanted.checkout else {})
        versions = [
            _started(stack, name, checkout.resolve(), folder / name)
            for name, checkout in checkouts.items()
        ]
        kinds = [each for each in KINDS if each[0].startswith(wanted.kinds)]
        files = [_prepare(each, kinds, wanted.rounds) for each in versions]
        for turn in range(wanted.rounds):
            for index, (kind, connections, _) in enumerate(kinds):
                # The version that was first in the last round is last in this one.
                order = list(zip(versions, files, strict=True))[:: 1 if turn % 2 else -1]
                for version, requests in order:
                    version.measure(kind, connections, requests[turn, index])
    for kind in versions[0].costs:
        print(kind)
        for line in _lines(versions, kind):
            print(f"  {line}")


def _started(stack: ExitStack, name: str, checkout: Path, folder: Path) -> Version:
    folder.mkdir()

    def launch(
        words: Sequence[str], environment: Mapping[str, str], out: Path, errors: Path
    ) -> subprocess.Popen[bytes]:
        del errors
        with out.open("wb") as output:
            return subprocess.Popen(
                [*WAYBILL, *words], cwd=checkout, env=environment, stdout=output, stderr=output
            )

    server = stack.enter_context(EmbeddedPostgres.start(folder / "data"))
    environment = {"WAYBILL_DATABASE_URL": server.url}
    subprocess.run([*WAYBILL, "migrate"], cwd=checkout, env=environment, check=True)
    deployment = stack.enter_context(deployed(server.url, folder, launch, pollers=0, **_SETTINGS))
    pid = int(next((folder / "data").rglob("postmaster.pid")).read_text().split()[0])
    return Version(name, deployment, pid, folder)


def _prepare(
    version: Version, kinds: Sequence[tuple[str, int, int]], rounds: int
) -> dict[tuple[int, int], Path]:
    """Write the files of requests, by round and index in kinds."""
    with version.deployment.client() as client:
        store = a_store(client, "seller-kinds")
        code = client.get(f"/v1/stores/{store}").json()["code"]
    sizes = [(kind, count) for _ in range(rounds) for kind, _, count in kinds]
    rows = iter(asyncio.run(_orders(version.deployment.database_url, store, sizes)))
    found = {}
    for turn in range(rounds):
        for index, (kind, _, count) in enumerate(kinds):
            lines = [json.dumps(_request(kind, code, next(rows))) for _ in range(count)]
            found[turn, index] = version.folder / f"requests-{turn}-{index}"
            found[turn, index].write_text("\n".join(lines))
    return found


async def _orders(
    database_url: str, store: str, sizes: Sequence[tuple[str, int]]
) -> list[Mapping[str, Any]]:
    connection = await asyncpg.connect(**asyncpg_arguments(database_url))
    try:
        number = await connection.fetchval("SELECT store_id FROM stores WHERE id = $1", store)
        await connection.execute(Path(__file__).with_suffix(".sql").read_text())
        first = 1
        for kind, count in sizes:
            last = first + count - 1
            await connection.fetch("SELECT kind_orders($1, $2, $3, $4)", number, kind, first, last)
            first = last + 1
        await connection.execute("VACUUM ANALYZE")
        rows: list[Mapping[str, Any]] = await connection.fetch("SELECT * FROM kinds ORDER BY n")
        return rows
    finally:
        await connection.close()


def _request(kind: str, code: str, row: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    order, number = str(row["id"]), row["n"]
    if kind == "shipment":
        item = {"line_number": "1", "quantity": 1}
        body = {"carrier_code": "ups", "tracking_number": f"1ZK{number:09}", "items": [item]}
        return f"/v1/orders/{order}/shipments", order, body
    if kind == "packages":
        tracks = [
            {
                "track_number": f"1ZK{line}{number:09}",
                "carrier_code": "ups",
                "extension_attributes": {
                    "items": [{"order_item_id": number * 10 + line, "qty": 1}]
                },
            }
            for line in (1, 2)
        ]
        items = [{"order_item_id": number * 10 + line, "qty": 1} for line in (1, 2)]
        body = {"items": items, "tracks": tracks}
        return f"/rest/{code}/V1/order/{number}/ship", order, body
    if kind == "cancellation":
        return f"/v1/orders/{order}/cancellation", order, {"reason": "out_of_stock"}
    body = {"items": [{"return_line_number": 1, "quantity": 1}]}
    return f"/v1/returns/{row['request']}/refund", order, body


def _lines(versions: Sequence[Version], kind: str) -> Iterator[str]:
    medians = []
    for version in versions:
        costs = version.costs[kind]
        found = {name: statistics.median(each[name] for each in costs) for name in costs[0]}
        medians.append(found)
        yield (
            f"{version.name:6}{found['per_second']:8,.0f} a second, "
            f"{found['api_us']:6,.0f} us of the API, {found['database_us']:6,.0f} us of PostgreSQL"
        )
    if len(medians) > 1:
        this, other = medians
        yield (
            f"ratio {this['per_second'] / other['per_second']:8.2f}          "
            f"{other['api_us'] / this['api_us']:6.2f} times cheaper   "
            f"{other['database_us'] / this['database_us']:6.2f} times cheaper"
        )


if __name__ == "__main__":
    main()
