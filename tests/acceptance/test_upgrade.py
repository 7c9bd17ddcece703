"""Upgrade and rollback: a version works on its own schema and on the next one's.

The next version is played by what its migrations may do: add (`make check` lints each migration with
squawk, which refuses what takes away, renames or retypes).
"""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.forked import deployed
from tests.processes import a_store, an_order, execute, until

NEWER = "999912312359"
NEXT_VERSION = (
    "SET lock_timeout = '4s'",
    "ALTER TABLE orders ADD COLUMN of_the_next_version text",
    "ALTER TABLE updates ADD COLUMN of_the_next_version int NOT NULL DEFAULT 1",
    "ALTER TABLE attempts ADD COLUMN of_the_next_version jsonb",
    "ALTER TABLE shipments ADD COLUMN of_the_next_version text",
    "ALTER TABLE stores ADD COLUMN of_the_next_version boolean NOT NULL DEFAULT false",
    "ALTER TABLE api_keys ADD COLUMN of_the_next_version text",
    "CREATE TABLE of_the_next_version (store_id int PRIMARY KEY)",
    "CREATE INDEX CONCURRENTLY ix_next ON updates (of_the_next_version)",
    f"UPDATE alembic_version SET version_num = '{NEWER}'",
)


def shipped(client: httpx.Client, order: dict[str, Any]) -> None:
    """Ship an order, and wait until Walmart has it."""
    path = f"/v1/orders/{order['id']}"
    body = {"carrier_code": "ups", "tracking_number": f"1Z{order['purchase_order_id']}"}
    assert client.post(f"{path}/shipments", json=body).status_code == 202
    until(lambda: client.get(path).json()["status"] == "shipped")


def test_a_version_goes_on_while_the_next_one_migrates_and_after_a_rollback(
    fresh_url: str, tmp_path: Path
) -> None:
    with deployed(fresh_url, tmp_path, pollers=1) as deployment, deployment.client() as client:
        store = a_store(client)
        orders = [an_order(deployment, client, store, str(1_796_330_700_000 + n)) for n in range(3)]
        shipped(client, orders[0])
        # Upgrade: the old processes run on, with connections and plans of the old schema.
        asyncio.run(execute(fresh_url, *NEXT_VERSION))
        shipped(client, orders[1])
        assert client.get("/readyz").status_code == 200
        # Rollback: the old version starts on the new schema, its `migrate` first.
        for name in ("api", "poller-0"):
            assert deployment.stop(name) == 0
        migrated = deployment.run("migrate", WAYBILL_MIGRATION_URL=fresh_url)
        assert migrated.returncode == 0, migrated.stderr
        assert f"The schema is at {NEWER}, a newer version's" in migrated.stdout
        port = deployment.api.rpartition(":")[2]
        deployment.start("api", "serve", "--no-poller", "--port", port)
        deployment.start("poller-0", "poller")
        deployment.wait_for(f"{deployment.api}/readyz", "api")
        shipped(client, orders[2])
        for name in ("api", "poller-0"):
            assert "Traceback" not in deployment.log(name)
