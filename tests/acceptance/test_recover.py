"""`waybill recover`, as an operator runs it; its purpose is tested in test_restore.py."""

import asyncio
import json

from tests.acceptance.test_restore import recovered
from tests.processes import (
    Deployment,
    Processes,
    a_store,
    an_order,
    execute,
    simulator,
    until,
)

PROCESSES = Processes()


def shipped_by_hand(deployment: Deployment, number: str, tracking: str) -> None:
    line = {"line_number": "1", "quantity": 1, "tracking_number": tracking}
    simulator(deployment, f"orders/{number}/ship", lines=[line])


def test_a_failing_store_does_not_stop_the_others_and_is_reported(deployment: Deployment) -> None:
    with deployment.client() as client:
        for seller, number in (("seller_1", "1796331200001"), ("seller_2", "1796331200002")):
            store = a_store(client, seller, code=seller)
            an_order(deployment, client, store, number, 1, seller=seller)
            shipped_by_hand(deployment, number, f"1Z{number}")
        simulator(
            deployment, "faults", operation="*", kind="error", client_id="seller_1", times=None
        )
        code, output = recovered(deployment, "--json")
        first, second = json.loads(output)["stores"]
        assert code == 1
        assert (first["store"], first["orders"]) == ("seller_1", 0)
        assert "Waybill stopped reading Walmart" in first["stopped"]
        assert second["stopped"] is None
        assert second["findings"] == [
            {
                "purchase_order_id": "1796331200002",
                "return_order_id": None,
                "what": "shipped",
                "line_number": "1",
                "units": 1,
                "tracking_number": "1Z1796331200002",
                "carrier": "UPS",
            }
        ]
        code, output = recovered(deployment)
        assert code == 1
        assert "✘ it broke off: Waybill stopped reading Walmart" in output
        assert "then run: waybill recover --since" in output


def test_it_reads_from_the_newest_row_on_by_default(deployment: Deployment) -> None:
    with deployment.client() as client:
        store = a_store(client)
        an_order(deployment, client, store, "1796331200003", 1)
        asyncio.run(
            execute(
                deployment.database_url, "UPDATE orders SET updated_at = '2026-01-02 10:00:00Z'"
            )
        )
        code, output = recovered(deployment, "--json")
        assert code == 0
        # Less the possible deviation of Walmart's clock.
        assert json.loads(output)["since"] == "2026-01-02T09:50:00Z"


def test_behind_a_transaction_pooler_a_lease_shows_a_poller(deployment: Deployment) -> None:
    with deployment.client() as client:
        a_store(client)
    lease = "INSERT INTO imports (store_id, leased_until) SELECT store_id, now() + interval '1 hour' FROM stores"
    asyncio.run(execute(deployment.database_url, lease))
    pooled = {"WAYBILL_DATABASE_POOLER": "transaction"}
    code, output = recovered(deployment, **pooled)
    assert code == 1
    assert "A lease lasts until" in output
    asyncio.run(execute(deployment.database_url, "DELETE FROM imports"))
    assert recovered(deployment, **pooled)[0] == 0


def test_an_idle_poller_counts_as_running(deployment: Deployment) -> None:
    deployment.start("poller", "poller")
    # It starts meanwhile.
    until(lambda: "A poller works on this database" in recovered(deployment)[1])
    deployment.stop("poller")
    assert recovered(deployment)[0] == 0


def test_an_invalid_time_is_one_line(deployment: Deployment) -> None:
    code, output = recovered(deployment, "--since", "yesterday")
    assert code == 2
    assert "--since yesterday" in output
