"""Runs real clients, generators and linters against Waybill: `make compatibility`.

    python -m tests.compatibility.run [name …]

Writes docs/compatibility.md, unless names are given. Clients of Commerce use Waybill's /rest,
clients of Walmart use the simulator, generators and linters read openapi/openapi.json. Each is
installed from its public registry into build/compatibility, and stopped after a time limit.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.storage.postgres import migrate
from app.storage.postgres.embedded import EmbeddedPostgres
from tests.compatibility.environment import ROOT, Client, Result, clients, install_failure
from tests.compatibility.page import page
from tests.processes import Deployment, a_store, an_order, deployed, simulator

PAGE = ROOT / "docs" / "compatibility.md"
STORE, SELLER = "main", "seller-1"


def main(names: list[str]) -> int:
    """Run the clients, and print what works; 1 if one of the named clients has a failure."""
    listed, others = clients()
    wanted = [each for each in listed if not names or each.name in names]
    found: list[tuple[Client, list[Result]]] = []
    with started() as waybill:
        keys = _keys_of_store(waybill)
        for number, client in enumerate(wanted, start=1):
            results = _results(client, waybill, keys, number)
            found.append((client, results))
            for each in results:
                sys.stdout.write(f"{client.name}: {each.operation}: {each.why or 'works'}\n")
            sys.stdout.flush()
    if names:
        return int(any(each.why for _, results in found for each in results))
    PAGE.write_text(page(found, others))
    return 0


@contextmanager
def started() -> Iterator[Deployment]:
    """A Waybill with a store, a poller and the simulator, each a process."""
    with tempfile.TemporaryDirectory(prefix="waybill-compatibility-") as name:
        folder = Path(name)
        with EmbeddedPostgres.start(folder / "server") as server:
            migrate.upgrade(server.url)
            with deployed(server.url, folder) as waybill:
                with waybill.client() as client:
                    a_store(client, SELLER, code=STORE, default_cancellation_reason="out_of_stock")
                yield waybill


def _results(
    client: Client, waybill: Deployment, keys: dict[str, Any], number: int
) -> list[Result]:
    try:
        client.install()
    except subprocess.SubprocessError as error:
        return [Result("installation", _plain(install_failure(error)))]
    given: dict[str, Any] = {}
    if client.door == "commerce":
        given = {"url": waybill.api, "store": STORE, **keys}
    elif client.door == "walmart":
        given = {"walmart": waybill.walmart, "seller": SELLER}
    if client.door != "document":
        given |= {
            name: _order(waybill, number * 10 + n) for n, name in enumerate(("ship", "cancel"))
        }
    if client.door == "walmart":
        # Waybill acknowledges the orders that it imports.
        given["new"] = _bought(waybill, number * 10 + 2)
        returned = _bought(waybill, number * 10 + 3)["purchase_order"]
        simulator(waybill, f"orders/{returned}/ship")
        lines = [{"line_number": "1", "quantity": 1}]
        simulator(waybill, f"orders/{returned}/return", lines=lines)
    results = client.run(given)
    return [Result(each.operation, _why(client, each)) for each in results]


def _why(client: Client, result: Result) -> str:
    known = client.reasons.get(result.operation)
    return known if known and result.why else _plain(result.why)


def _order(waybill: Deployment, number: int) -> dict[str, Any]:
    """An order of Walmart's that is linked to a Commerce order."""
    purchase_order = str(1796330120000 + number)
    item, increment = number * 100, f"{number:09}"
    with waybill.client() as client:
        (store,) = client.get("/v1/stores").json()["data"]
        order = an_order(waybill, client, store["id"], purchase_order, 2)
        link = {
            "commerce_order_id": number,
            "commerce_order_number": increment,
            "lines": [{"line_number": "1", "commerce_item_id": item}],
        }
        client.patch(f"/v1/orders/{order['id']}", json=link).raise_for_status()
    return {"id": number, "number": increment, "item": item, "purchase_order": purchase_order}


def _bought(waybill: Deployment, number: int) -> dict[str, Any]:
    """A new order of Walmart's, which Waybill does not know."""
    purchase_order = str(1796330120000 + number)
    lines = [{"line_number": "1", "sku": "SKU-1", "quantity": 2}]
    body = {"client_id": SELLER, "purchase_order_id": purchase_order, "lines": lines}
    simulator(waybill, "orders", **body)
    return {"purchase_order": purchase_order}


def _keys_of_store(waybill: Deployment) -> dict[str, Any]:
    """Credentials of one store, with which addresses need no store code: a key, and OAuth."""
    (key,) = re.findall(r"\bwb_\S+", _created(waybill, "bearer"))
    shown = dict(
        re.findall(r"^(.+): (\S+)$", _created(waybill, "signing", "--oauth"), re.MULTILINE)
    )
    signing = {
        "consumerKey": shown["Consumer Key"],
        "consumerSecret": shown["Consumer Secret"],
        "accessToken": shown["Access Token"],
        "tokenSecret": shown["Access Token Secret"],
    }
    return {"key": key, "oauth": signing}


def _created(waybill: Deployment, name: str, *options: str) -> str:
    with waybill.client() as client:
        (store,) = client.get("/v1/stores").json()["data"]
    words = ("keys", "create", "--name", name, "--store", store["id"], "--scope", "write")
    made = waybill.run(*words, *options)
    assert made.returncode == 0, made.stderr
    return made.stdout


def _plain(why: str) -> str:
    """A reason without what differs each time: addresses, ports, folders, ids."""
    text = re.sub(r"http://127\.0\.0\.1:\d+", "…", why.replace(str(ROOT), "…"))
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "…", text)
    return " ".join(text.replace("|", "¦").split())[:200]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
