"""`waybill reconcile`, as an operator runs it."""

import json

from tests.processes import Deployment, Processes, a_store, an_order, simulator

PROCESSES = Processes()


def reconcile(deployment: Deployment, *words: str) -> tuple[int, str, str]:
    result = deployment.run("reconcile", *words)
    return result.returncode, result.stdout, result.stderr


def test_an_operator_sees_the_drift_and_its_repair(deployment: Deployment) -> None:
    with deployment.client() as client:
        store = a_store(client, code="main")
        order = an_order(deployment, client, store, "1796330700001", 2)
        line = {"line_number": "1", "quantity": 2, "tracking_number": "HAND"}
        simulator(deployment, f"orders/{order['purchase_order_id']}/ship", lines=[line])
        code, out, _ = reconcile(deployment, "--store", "main", "--since", "2h")
        assert code == 0
        assert "✔ 1796330700001 line 1 shipped_in_seller_center (0 here, 2 there)" in out
        assert client.get(f"/v1/orders/{order['id']}").json()["status"] == "shipped"
        stranger = {"purchase_order_id": "1796330700002", "lines": [{"sku": "A"}]}
        simulator(deployment, "orders", client_id="seller-1", **stranger)
        code, out, _ = reconcile(deployment, "--json", "--store", store)
        (report,) = json.loads(out)
        assert code == 1
        assert [each["cause"] for each in report["findings"]] == ["order_unknown_here"]


def test_an_invalid_argument_is_one_line(deployment: Deployment) -> None:
    code, _, errors = reconcile(deployment, "--since", "yesterday")
    assert code == 2
    assert "--since yesterday" in errors
    code, _, errors = reconcile(deployment, "--store", "nowhere")
    assert code == 1
    assert "There is no store nowhere" in errors
