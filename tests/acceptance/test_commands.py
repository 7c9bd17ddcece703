"""`waybill import-shipments` and `waybill webhooks subscribe`, as an operator runs them."""

from pathlib import Path

import httpx

from tests.processes import Deployment, Processes, a_store, an_order, until
from tests.tls import TLS

PROCESSES = Processes(pollers=1)


def waybill(deployment: Deployment, *words: str) -> tuple[int, str, str]:
    done = deployment.run(*words)
    return done.returncode, done.stdout, done.stderr


def test_a_file_is_shipped_and_may_be_imported_again(
    deployment: Deployment, tmp_path: Path
) -> None:
    file = tmp_path / "shipments.csv"
    with deployment.client() as client:
        store = a_store(client, code="main")
        order = an_order(deployment, client, store, "1796330800001", 2)
        file.write_text(
            "\ufeffOrder #;Carrier Code;Track Number;SKU;Qty\n"
            "1796330800001;ups;1ZA;SKU-1;1.0000\n"
            "1796330800001;ups;1ZB;SKU-1;1.0000\n"
            "unknown;ups;1ZC;SKU-1;1\n"
        )
        words = ("import-shipments", str(file), "--store", "main")
        code, out, _ = waybill(deployment, *words)
        assert code == 1
        assert "2 accepted, 0 known, 1 refused" in out
        assert "✘ row 3 unknown order_not_found" in out
        code, out, _ = waybill(deployment, *words[:-1], store)
        assert "0 accepted, 2 known, 1 refused" in out
        path = f"/v1/orders/{order['id']}"
        until(lambda: client.get(path).json()["status"] == "shipped")


def test_an_invalid_file_or_store_is_one_line(deployment: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "shipments.csv"
    file.write_text("order,colour\n1,red\n")
    code, _, errors = waybill(deployment, "import-shipments", str(file), "--store", "main")
    assert code == 1
    assert "Unknown column 'colour'" in errors
    file.write_text("order,carrier_code,tracking_number\n1,ups,1ZA\n")
    code, _, errors = waybill(deployment, "import-shipments", str(file), "--store", "nowhere")
    assert code == 1
    assert "There is no store nowhere" in errors


def test_an_order_is_imported_by_a_webhook_after_subscribing(deployment: Deployment) -> None:
    with deployment.client() as client:
        a_store(client, code="main")
        words = ("webhooks", "subscribe", "--store", "main", "--url", deployment.api)
        code, out, errors = waybill(deployment, *words)
        assert code == 0, errors
        assert "ORDER_UPDATES" in out
        # The importer is turned off here, so only the webhook can import it.
        order = {"client_id": "seller-1", "purchase_order_id": "1796330800002"}
        made = httpx.post(
            f"{deployment.walmart}/simulator/orders",
            json={**order, "lines": [{"sku": "A"}]},
            trust_env=False,
            verify=TLS,
        )
        assert made.is_success
        query = {"q": "1796330800002"}

        def synced() -> bool:
            found = client.get("/v1/orders", params=query).json()["data"]
            return bool(found) and found[0]["sync"]["state"] == "synced"

        until(synced)
        code, _, errors = waybill(
            deployment, "webhooks", "subscribe", "--store", "no", "--url", deployment.api
        )
        assert code == 1
        assert "There is no store no" in errors
        code, _, errors = waybill(deployment, "keys", "create", "--name", "one", "--store", "main")
        assert code == 0, errors
