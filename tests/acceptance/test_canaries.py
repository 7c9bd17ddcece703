"""No secret and no value of a buyer's is in what Waybill stores, logs or answers.

One run of the main job, faults included, on a full deployment; then each canary is looked for in
each source. `POST /v1/keys` and the like show a secret once, to who asks: those answers are none of
the sources.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.stores.secrets import SecretCipher
from app.storage.tables import metadata
from tests.forked import deployed
from tests.harness.signing_in import SAME_ORIGIN
from tests.processes import Deployment, a_store, an_order, simulator, until
from tests.tls import TLS

# The simulator's buyer, whom its refusals repeat.
BUYER = {
    "name": "Sam Sample",
    "street": "1 Example Street",
    "city": "Bentonville",
    "phone": "5550100200",
    "e-mail": "3F4A1C@relay.walmart.com",
}
ECHO = "Sam Sample of 1 Example Street, Bentonville, phone 5550100200, 3F4A1C@relay.walmart.com"
GIVEN = {
    "client secret of Walmart": "canary-walmart-client-secret",
    "token of Commerce": "canary-commerce-access-token",
    "secret of notifications": "canary-notification-secret",
    "path of notifications": "canary-notification-path",
}
PASSWORD = "canary-database-password"
# The tokens that the simulator gives to Waybill.
TOKEN = re.compile(r"sim\.[\w-]{20}")
FAULTS: list[dict[str, Any]] = [
    {"operation": "shipping", "kind": "refuse", "description": ECHO, "times": 1},
    {"operation": "shipping", "kind": "refuse", "status": 500, "description": ECHO, "times": 1},
    {"operation": "cancel", "kind": "refuse", "description": ECHO, "times": 1},
    {"operation": "refund", "kind": "refuse", "description": ECHO, "times": 1},
    {"operation": "token", "kind": "error", "times": 1},
    {"operation": "read", "kind": "locked", "times": 1},
    {"operation": "commerce_orders", "kind": "slow", "delay": 0, "times": 2},
    {"operation": "commerce_orders", "kind": "refuse", "status": 400, "description": ECHO},
]
OPEN = ("pending", "sending", "retrying", "verifying")
LISTS = ("orders", "updates", "returns", "stores", "keys", "audit", "sessions", "attention")


def test_no_secret_and_no_value_of_a_buyer_is_stored_logged_or_answered(
    fresh_url: str, tmp_path: Path
) -> None:
    # The server trusts this machine, and does not ask for the password.
    url = re.sub(r"^(\w+://[^@/:]+)@", rf"\1:{PASSWORD}@", fresh_url)
    assert PASSWORD in url
    settings = {
        "WAYBILL_IMPORT_INTERVAL": "1",
        "WAYBILL_NOTIFICATION_PRIVATE_NETWORKS": "allow",
        "WAYBILL_LOG_LEVEL": "debug",
    }
    canaries = {**BUYER, **GIVEN, "database password": PASSWORD}
    with deployed(url, tmp_path, pollers=1, **settings) as deployment:
        with deployment.client() as client:
            canaries |= journey(deployment, client)
            sources = dict(answers(deployment, client))
        # The simulator is no part of Waybill.
        names = [name for name in deployment.processes if name != "simulator"]
        for name in reversed(names):
            deployment.stop(name)
        sources |= {f"log of {name}": deployment.log(name) for name in names}
    sources |= asyncio.run(tables(fresh_url))
    found = [
        f"{canary} in {source}"
        for canary, value in canaries.items()
        for source, text in sources.items()
        if value.casefold() in text.casefold()
    ]
    found += [f"token of Walmart in {name}" for name, text in sources.items() if TOKEN.search(text)]
    assert found == []
    # What the faults returned was there to be found, and was hidden.
    assert "[removed]" in sources["table attempts"]
    assert "canary-" not in "".join(sources.values())


def journey(deployment: Deployment, client: httpx.Client) -> dict[str, str]:
    """The main job, with its faults; returns the secrets that were made on the way."""
    store = a_store(
        client,
        code="main",
        walmart={"client_id": "seller-1", "client_secret": GIVEN["client secret of Walmart"]},
        commerce={
            "base_url": deployment.walmart,
            "access_token": GIVEN["token of Commerce"],
            "push_orders": True,
        },
        notifications={
            "url": f"{deployment.walmart}/{GIVEN['path of notifications']}",
            "secret": GIVEN["secret of notifications"],
        },
    )
    secrets = access(deployment, client, store)
    words = ("webhooks", "subscribe", "--store", "main", "--url", deployment.api)
    assert deployment.run(*words).returncode == 0
    orders = [an_order(deployment, client, store, str(1796331900001 + n), 2) for n in range(4)]
    for fault in FAULTS:
        simulator(deployment, "faults", **{"times": 1, **fault})
    for number, order in enumerate(orders[:3]):
        body = {"carrier_code": "ups", "tracking_number": f"1Z{number}"}
        headers = {"Idempotency-Key": f"once-{number}"}
        client.post(f"/v1/orders/{order['id']}/shipments", json=body, headers=headers)
    reason = {"reason": "out_of_stock", "comment": "none left"}
    client.post(f"/v1/orders/{orders[3]['id']}/cancellation", json=reason)
    until(lambda: states(client, "failed") and not states(client, *OPEN))
    for update in states(client, "failed"):
        client.post(f"/v1/updates/{update['id']}/retry", json={})
    until(lambda: not states(client, *OPEN))
    back = {"lines": [{"line_number": "1", "quantity": 1}]}
    simulator(deployment, f"orders/{orders[0]['purchase_order_id']}/return", **back)
    until(lambda: client.get("/v1/returns").json()["data"])
    (sent_back,) = client.get("/v1/returns").json()["data"]
    client.post(f"/v1/returns/{sent_back['id']}/refund", json={})
    until(lambda: not states(client, *OPEN))
    client.post(f"/v1/stores/{store}/notifications/test")
    # A refusal that no update met would be shown to who asks Commerce or Walmart next.
    httpx.delete(f"{deployment.walmart}/simulator/faults", trust_env=False, verify=TLS)
    return {
        "admin key": deployment.key,
        "encryption key": deployment.environment["WAYBILL_ENCRYPTION_KEYS"],
        "secret of Walmart's webhooks": asyncio.run(webhook_secret(deployment)),
        **secrets,
    }


def access(deployment: Deployment, client: httpx.Client, store: str) -> dict[str, str]:
    """Keys, OAuth credentials and a person's session, each used."""
    body = {"name": "warehouse", "scope": "write", "store_id": store}
    key = client.post("/v1/keys", json=body).json()["secret"]
    made = deployment.run("keys", "create", "--name", "oauth", "--oauth").stdout
    oauth = dict(re.findall(r"^([\w ]+): (\S+)$", made, re.MULTILINE))
    link = client.post("/v1/sign-in-links", json={"name": "Jane"}).json()["url"]
    with httpx.Client(base_url=deployment.api, trust_env=False, verify=TLS) as browser:
        cookie = entered(deployment, browser, link)
        wrong = f'OAuth oauth_consumer_key="{oauth["Consumer Key"]}", oauth_token="{key}"'
        for given in (f"Bearer {key}", f"Bearer {key}x", wrong):
            browser.get("/v1/orders", headers={"Authorization": given})
    return {
        "API key": key,
        "sign-in token": link.rpartition("/")[2],
        "session": cookie.partition("=")[2],
        **{f"OAuth {name}": oauth[name] for name in ("Consumer Secret", "Access Token Secret")},
    }


def entered(deployment: Deployment, browser: httpx.Client, link: str) -> str:
    """Use a sign-in link; returns the cookie of the session."""
    headers = {**SAME_ORIGIN, "Origin": deployment.api}
    answer = browser.post(link[link.index("/enter/") :], headers=headers)
    return answer.headers["set-cookie"].partition(";")[0]


def states(client: httpx.Client, *wanted: str) -> list[dict[str, Any]]:
    found = [client.get("/v1/updates", params={"state": each}).json()["data"] for each in wanted]
    return [update for some in found for update in some]


async def webhook_secret(deployment: Deployment) -> str:
    connection = await asyncpg.connect(**asyncpg_arguments(deployment.database_url))
    sealed = await connection.fetchval("SELECT webhook_secret FROM stores")
    await connection.close()
    return SecretCipher([deployment.environment["WAYBILL_ENCRYPTION_KEYS"]]).open(sealed)


def answers(deployment: Deployment, client: httpx.Client) -> Iterator[tuple[str, str]]:
    """What a caller, a person and an operator read."""
    orders = client.get("/v1/orders").json()["data"]
    paths = [
        "/metrics",
        *(f"/v1/{each}" for each in (*LISTS, "health", "commerce-events")),
        *(f"/v1/{each}/export" for each in ("orders", "returns", "updates")),
        *(f"/v1/updates/{each['id']}" for each in client.get("/v1/updates").json()["data"]),
        *(f"/v1/orders/{each['id']}{more}" for each in orders for more in ("", "/timeline")),
    ]
    for path in paths:
        answer = client.get(path)
        assert answer.is_success, (path, answer.text)
        yield path, answer.text
    link = client.post("/v1/sign-in-links", json={"name": "Jane"}).json()["url"]
    pages = [f"/orders/{each['id']}{more}" for each in orders for more in ("", "/support.txt")]
    with httpx.Client(base_url=deployment.api, trust_env=False, verify=TLS) as browser:
        cookie = entered(deployment, browser, link)
        for path in (*pages, "/stores", "/attention", "/returns"):
            answer = browser.get(path, headers={"Cookie": cookie})
            assert answer.status_code == 200, (path, answer.text)
            yield path, answer.text
    yield from problems(client, orders[0]["id"])
    for command in (("doctor",), ("reconcile",), ("keys", "list")):
        done = deployment.run(*command)
        yield f"waybill {command[0]}", done.stdout + done.stderr


def problems(client: httpx.Client, order: str) -> Iterator[tuple[str, str]]:
    """Refusals of requests that have secrets in the wrong places."""
    secret = GIVEN["client secret of Walmart"]
    store = client.get("/v1/stores").json()["data"][0]["id"]
    path = f"/v1/stores/{store}"
    requests: list[tuple[str, str, Any]] = [
        ("POST", "/v1/stores", {"name": "x", "walmart": {"client_id": 1, "client_secret": secret}}),
        ("PATCH", path, {"walmart": {"client_secret": [secret]}}),
        ("PATCH", path, {"walmart": {"client_secret": {"value": secret}}}),
        ("PATCH", path, {"commerce": {"base_url": "ftp://x", "access_token": secret}}),
        ("PATCH", path, {"notifications": {"url": "x", "secret": secret}}),
        ("POST", f"/v1/orders/{order}/shipments", {}),
        ("POST", "/v1/orders/import", {"store_id": store, "purchase_order_id": "1"}),
        ("GET", "/v1/orders?limit=0", None),
    ]
    for number, (method, target, body) in enumerate(requests):
        answer = client.request(method, target, json=body)
        assert 400 <= answer.status_code < 500, (target, answer.text)
        yield f"problem {number} of {method} {target}", answer.text


async def tables(url: str) -> dict[str, str]:
    """Every row of every table, bytes as the text that they hold."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    found = {}
    for table in metadata.sorted_tables:
        rows = await connection.fetch(f"SELECT * FROM {table.name}")
        found[f"table {table.name}"] = "\n".join(str(value) for row in rows for value in row)
    await connection.close()
    return found
