"""No input from outside is answered by a 5xx, and no refused request writes anything.

Every operation of the OpenAPI document is called with every part of its path, query and body
replaced in turn (`invalid_values.py`): NUL, lone surrogates, numbers and times out of range, other types.
"""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.storage.imports import webhook_inbox
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.queries import commerce_order_search
from app.storage.tables import metadata
from app.usecases.stores import walmart_webhooks
from app.web import export
from app.web.v1 import examples
from tests.harness.signing_in import Person, token_for
from tests.harness.world import World
from tests.integration.web import adobe as hooks
from tests.integration.web.invalid_values import Ask, variations

PATHS = export.document()["paths"]
FILTER = "searchCriteria[filterGroups][0][filters][0]"
# Refusals for want of a key or a signature are counted there, in a batch of their own time.
COUNTED = frozenset({"audit"})
# A refused event of Commerce is kept, with its order and a notification: nothing else is
# written.
KEPT = frozenset(
    {
        "commerce_events",
        "commerce_event_ids",
        "events",
        "notifications",
        "orders",
        "order_count_changes",
    }
)
# The tests that share the operations.
PARTS = 6
# There is no return, no job, no cause and no update with a fix here.
NEVER_DONE = {
    "GET /v1/jobs/{job_id}",
    "GET /v1/attention/{group_id}",
    "POST /v1/attention/{group_id}/fix",
    "GET /v1/returns/{return_id}",
    "POST /v1/returns/{return_id}/refund",
    "POST /v1/returns/{return_id}/refund/preview",
    "POST /v1/updates/{update_id}/fix",
    "POST /rest/{store_code}/V1/order/{order_id}/refund",
    "GET /rest/{store_code}/V1/creditmemo/{creditmemo_id}",
    "POST /rest/{store_code}/V1/creditmemo/refund",
}


@dataclass
class Fuzz:
    """Sends requests, and records answers that break the rules."""

    world: World
    client: httpx.AsyncClient
    database: asyncpg.Connection
    wrong: list[str] = field(default_factory=list)
    refused: int = 0
    cancelable: str = ""
    taken: set[str] = field(default_factory=set)
    _before: Any = None
    _newest: str = ""
    _written: Any = None

    async def ask(self, ask: Ask) -> bool:
        """Send a request and check the answer by the rules; return whether it was carried out."""
        self._before = self._before or await self.written()
        headers = {"Content-Type": ask.media, **await self._signature(ask)}
        answer = await self.client.request(
            ask.method, ask.url, content=ask.content, headers=headers
        )
        if answer.status_code >= 500:
            self.wrong.append(f"{answer.status_code} {ask}")
        if done(ask, answer):
            self._before = None
            self.taken.add(f"{ask.method} {ask.template}")
            return True
        self.refused += 1
        if ask.method == "GET" and answer.status_code < 500 and well_formed(ask, answer):
            # Checked before the next request that could have written.
            return False
        if not well_formed(ask, answer):
            self.wrong.append(f"{answer.status_code} {answer.text[:200]} {ask}")
        after = await self.written()
        kept = KEPT if ask.template.startswith("/webhooks/commerce") else frozenset[str]()
        changed = {name for name in after if after[name] != self._before[name]}
        if changed - kept - COUNTED:
            names = ", ".join(sorted(changed - kept - COUNTED))
            self.wrong.append(f"{answer.status_code} and {names} were written: {ask}")
        self._before = after
        return False

    async def written(self) -> Any:
        """A digest of the database; read again if a transaction has written since."""
        newest = await self.database.fetchval(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
        )
        if newest == self._newest:
            return self._written
        each = ", ".join(
            f"(SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table.name} t)"
            for table in metadata.sorted_tables
        )
        names = [table.name for table in metadata.sorted_tables]
        found = await self.database.fetchrow(f"SELECT {each}")
        self._newest, self._written = newest, dict(zip(names, found, strict=True))
        return self._written

    async def _signature(self, ask: Ask) -> dict[str, str]:
        """The signature of an allowed sender, so that only the content of a webhook is invalid."""
        body = ask.content or b""
        if ask.template.startswith("/webhooks/walmart"):
            digest = hmac.digest((await self._secret()).encode(), body, hashlib.sha256)
            return {"X-Waybill-Signature": digest.hex()}
        if ask.template.endswith("/events"):
            signed = hooks.sign(hooks.ADOBE, body)
            return {
                "x-adobe-digital-signature-1": signed,
                "x-adobe-public-key1-path": hooks.KEY_PATH,
            }
        if ask.template.endswith("/{hook}"):
            signed = hooks.sign(hooks.COMMERCE, base64.b64encode(body))
            return {"x-adobe-commerce-webhook-signature": signed}
        return {}

    async def _secret(self) -> str:
        """Of Walmart's webhooks. Some requests make a new one."""
        async with self.world.database.begin() as connection:
            found = await webhook_inbox.secret(connection, self.world._stores[0].id)
        assert found is not None
        return self.world.context.cipher.open(found[1] or b"")


def done(ask: Ask, answer: httpx.Response) -> bool:
    """Whether it was carried out, by the answer."""
    if answer.status_code >= 400:
        return False
    if ask.template.endswith(("/bulk", "/bulk/preview")):
        totals = answer.json()["totals"]
        return bool(totals["accepted"] + totals["known"])
    return not answer.text.startswith(('{"op":"exception"', '{"results":["refused'))


def well_formed(ask: Ask, answer: httpx.Response) -> bool:
    """A problem document; under /rest Commerce's error body; for files and hooks their own."""
    if answer.status_code < 400:
        return True
    kind: str = answer.headers["content-type"]
    body: dict[str, Any] = answer.json()
    if answer.status_code in {400, 409, 422} and not body["errors"]:
        return False
    if ask.template.startswith("/rest/"):
        return kind == "application/json" and body.keys() == hooks.ERROR
    return kind == "application/problem+json" and body["status"] == answer.status_code


@pytest.fixture
async def fuzz(world: World, app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[Fuzz]:
    # A stream of events ends with its first one: the client waits for the whole of an answer.
    app.state.live.stopping.set()
    database = await asyncpg.connect(**asyncpg_arguments(world.url))
    yield Fuzz(world, client, database)
    await database.close()


async def prepared(fuzz: Fuzz) -> dict[str, str]:
    """A store with all features, a large order, a shipment: by the ids of the examples."""
    order = await hooks.linked(fuzz.world, fuzz.client, units=1_000_000)
    await walmart_webhooks.subscribe(fuzz.world.context, 1, "https://waybill.test/webhooks/walmart")
    # Nothing of it is shipped: one to cancel through each API.
    for number in (8, 9, 10):
        other = await fuzz.world.an_order(3)
        link = {"commerce_order_id": number, "commerce_order_number": f"00000{number:04}"}
        assert (await fuzz.client.patch(f"/v1/orders/{other.id}", json=link)).is_success
        fuzz.cancelable = fuzz.cancelable or str(other.id)
    package = {"carrier_code": "ups", "tracking_number": "1ZB", "reference": "first",
               "items": [{"line_number": "1", "quantity": 1}]}  # fmt: skip
    shipped = await fuzz.client.post(f"/v1/orders/{order.id}/shipments", json=package)
    # One for Commerce's paths, because the first one is dismissed before them.
    package |= {"tracking_number": "1ZD", "reference": "second"}
    second = await fuzz.client.post(f"/v1/orders/{order.id}/shipments", json=package)
    shipment = str(second.json()["number"])
    untracked = {"entity_id": "46", "order_id": "7", "items": [{"order_item_id": "70", "qty": "1"}]}
    await hooks.hook(fuzz.client, "shipment", {"data": {"shipment": untracked}})
    (event,) = (await fuzz.client.get("/v1/commerce-events")).json()["data"]
    # Nothing answers there, which a test of notifications says.
    silent = {"url": "http://127.0.0.1:9", "secret": "at-least-16-characters"}
    path = f"/v1/stores/{fuzz.world._stores[0].id}"
    assert (await fuzz.client.patch(path, json={"notifications": silent})).is_success
    key = await fuzz.client.post("/v1/keys", json={"name": "fuzz", "scope": "read"})
    await token_for(fuzz.world.context, Person())
    (session,) = (await fuzz.client.get("/v1/sessions")).json()["data"]
    return {
        "refused event": event["id"],
        "key": key.json()["key"]["id"],
        "session": session["id"],
        examples.STORE_ID: str(fuzz.world._stores[0].id),
        examples.ORDER_ID: str(order.id),
        examples.SHIPMENT_ID: shipped.json()["id"],
        examples.UPDATE_ID: shipped.json()["update"]["id"],
        "1796330120075": order.purchase_order_id,
        '"ABC"': '"SKU-1"',
        ": 55": ": 70",
        '"order_id": 123': '"order_id": 7',
        '"parent_id": 45': f'"parent_id": {shipment}',
        "shipment number": shipment,
        "cancelable": fuzz.cancelable,
    }


def good(method: str, template: str, operation: dict[str, Any], known: dict[str, str]) -> Ask:
    """The request of the document's own example, about existing objects."""
    commerce, number = "/rest/" in template, known["shipment number"]
    ids = {
        "store_id": known[examples.STORE_ID],
        "order_id": "7" if commerce else known[examples.ORDER_ID],
        "shipment_id": number if commerce else known[examples.SHIPMENT_ID],
        "track_id": number,
        "item_id": "70",
        "creditmemo_id": "1",
        "update_id": known[examples.UPDATE_ID],
        "return_id": known[examples.ORDER_ID],
        "event_id": known["refused event"],
        "key_id": known["key"],
        "session_id": known["session"],
        "job_id": known[examples.ORDER_ID],
        "group_id": "unknown",
        "store_code": "store_1",
        "hook": "shipment",
    }
    names = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]
    path = {name: ids[name] for name in names}
    if template.endswith("/cancellation"):
        path["order_id"] = known["cancelable"]
    elif template.endswith("/cancel"):
        path["order_id"] = "9"
    query = {"store_id": ids["store_id"]} if "/bulk" in template else {}
    ask = Ask(method.upper(), template, path, query)
    content = operation.get("requestBody", {}).get("content", {})
    if content and template.endswith("/events"):
        return replace(ask, body=hooks.cloud_event(hooks.SHIPMENT["data"]["shipment"]))
    for media in ("application/x-ndjson", "application/json"):
        if media in content:
            text = json.dumps(example(content[media]))
            number = "000000010" if "cancel" in template else known["1796330120075"]
            for old, new in {**known, "000000123": number}.items():
                text = text.replace(old, new)
            body = json.loads(text)
            return replace(
                ask, body=json.loads(body) if isinstance(body, str) else body, media=media
            )
    return ask


def example(media: dict[str, Any]) -> Any:
    return media["example"] if "example" in media else media["schema"]["examples"][0]


def asks(known: dict[str, str], part: int) -> Iterator[tuple[Ask, list[str]]]:
    """The valid request of every operation of a part, and the names of its query parameters.

    What is made by PUT and POST is there for GET and DELETE.
    """
    for template in [*PATHS][part::PARTS]:
        for method, operation in sorted(PATHS[template].items(), reverse=True):
            names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            yield good(method, template, operation, known), names
    if part:
        return
    search = Ask("GET", "/rest/{store_code}/V1/orders", {"store_code": "store_1"})
    for column, condition in itertools.product(commerce_order_search.fields(1), ("gt", "like")):
        query = {f"{FILTER}[field]": column, f"{FILTER}[conditionType]": condition}
        yield replace(search, query=query), [f"{FILTER}[value]"]


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("part", range(PARTS))
async def test_no_input_is_an_internal_error_and_no_refusal_writes(fuzz: Fuzz, part: int) -> None:
    own = list(asks(await prepared(fuzz), part))
    for ask, names in own:
        await fuzz.ask(ask)
        for each in variations(ask, names):
            await fuzz.ask(each)
    assert not fuzz.wrong, "\n".join(fuzz.wrong[:40])
    assert fuzz.refused > 200
    assert {f"{each.method} {each.template}" for each, _ in own} - fuzz.taken <= NEVER_DONE
