"""Callers of webhooks without a valid signature cannot ask which stores exist."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy as sa

from app.usecases.stores import walmart_webhooks
from tests.harness.world import World
from tests.integration.web.adobe import (
    ADOBE,
    COMMERCE,
    KEY_PATH,
    SHIPMENT,
    STRANGER,
    cloud_event,
    linked,
    sign,
)

BODY = json.dumps(SHIPMENT).encode()
EVENTS = json.dumps([cloud_event(SHIPMENT["data"]["shipment"]) | {"recipientclientid": "p"}])
SENT = {"X-Request-ID": "the-same", "Content-Type": "application/json"}


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """The statements that reach the database during the block."""
    statements: list[str] = []

    def add(*given: Any) -> None:
        statements.append(given[2])

    engine = world.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", add)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", add)


async def answered(
    world: World, outside: httpx.AsyncClient, path: str, name: str, body: bytes, **headers: str
) -> tuple[int, bytes, dict[str, str], list[str]]:
    """An answer without the store's name, and the statements behind it."""
    with counted(world) as statements:
        answer = await outside.post(path.format(name), content=body, headers=SENT | headers)
    shown = dict(answer.headers)
    content = answer.content.replace(name.encode(), b"NAME")
    shown["content-length"] = str(len(content))
    # Refusals are counted in the audit by a batch, whenever its time has come.
    own = [each for each in statements if "audit" not in each]
    return answer.status_code, content, shown, own


async def test_a_store_that_does_not_exist_answers_as_one_that_does(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, adobe: Any
) -> None:
    del adobe
    await linked(world, client)
    keyless, deaf = await world.a_store(code="keyless"), await world.a_store(code="deaf")
    await walmart_webhooks.subscribe(world.context, 2, f"https://x.example/{keyless.id}")
    codes, ids = ("store_1", "keyless", "nowhere"), (str(keyless.id), str(deaf.id), str(uuid4()))
    adobes = {"x-adobe-public-key1-path": KEY_PATH}
    by_adobe = sign(ADOBE, EVENTS.encode())
    named = "x-adobe-commerce-webhook-signature"
    cases: list[tuple[str, tuple[str, ...], bytes, dict[str, str]]] = [
        ("/webhooks/commerce/{}/shipment", codes, BODY, {}),
        ("/webhooks/commerce/{}/cancellation", codes, b"no JSON", {}),
        ("/webhooks/commerce/{}/shipment", codes, BODY, {named: "nonsense"}),
        ("/webhooks/commerce/{}/creditmemo", codes, BODY, {named: sign(STRANGER, BODY)}),
        # The signature of another body.
        ("/webhooks/commerce/{}/shipment", codes, BODY, {named: sign(COMMERCE, b"")}),
        ("/webhooks/commerce/{}/events", codes, EVENTS.encode(), {}),
        ("/webhooks/commerce/{}/events", codes, b"no JSON", {}),
        *(
            # The last is Adobe's own, for a project of somebody else's.
            ("/webhooks/commerce/{}/events", codes, EVENTS.encode(),
             {"x-adobe-digital-signature-1": each, **adobes})
            for each in ("nonsense", sign(STRANGER, EVENTS.encode()), by_adobe)
        ),
        ("/webhooks/commerce/{}/events", codes, b"[]",
         {"x-adobe-digital-signature-1": sign(ADOBE, b"[]"), **adobes}),
        ("/webhooks/walmart/{}", ids, BODY, {}),
        ("/webhooks/walmart/{}", ids, BODY, {"X-Waybill-Signature": "nonsense"}),
        ("/webhooks/walmart/{}", ids, b"no JSON", {"X-Waybill-Signature": "0" * 64}),
    ]  # fmt: skip
    for path, names, body, headers in cases:
        found = [await answered(world, outside, path, name, body, **headers) for name in names]
        assert found[0][0] == 401, (path, headers)
        assert found[1:] == [found[0]] * (len(found) - 1), (path, headers)
