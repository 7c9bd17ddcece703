"""One thread leads from a request to Walmart: in the API, the database, the log, and traces."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import logs, tracing
from app.domain.update import Kind
from app.telemetry import OpenTelemetryRecorder
from app.usecases.commerce_events import replay
from tests.harness.world import World
from tests.integration.web.adobe import CANCEL, SHIPMENT, cloud_event, event, hook, linked
from tests.integration.web.conftest import ADMIN_KEY

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = {"X-Request-ID": "ask-1", "traceparent": f"00-{TRACE}-{PARENT}-01"}
PACKAGE = {"carrier_code": "ups", "tracking_number": "1ZA"}


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    merged = [logs.add_about]
    with structlog.testing.capture_logs(processors=merged) as entries:
        yield entries


class Recorded:
    """Spans and metrics that OpenTelemetry's own SDK recorded."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.recorder = OpenTelemetryRecorder(tracers, MeterProvider([self.reader]))

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def measured(self) -> set[str]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            metric.name
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    found = Recorded()
    tracing.record_by(found.recorder)
    yield found
    tracing.record_by(None)


def of_event(logged: list[Any], event: str) -> dict[str, Any]:
    (line,) = [each for each in logged if each["event"] == event and "update_id" in each]
    return dict(line)


async def test_a_request_is_found_again_in_its_update_its_attempt_and_every_log_line(
    world: World, client: httpx.AsyncClient, logged: list[Any]
) -> None:
    order = await world.an_order(3)
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE, headers=GIVEN)
    update_id = answer.json()["update"]["id"]
    await world.deliver_until(UUID(update_id))
    shown = (await client.get(f"/v1/updates/{update_id}")).json()
    (attempt,) = shown["attempts"]
    for each in (shown, attempt):
        assert (each["request_id"], each["traceparent"]) == ("ask-1", GIVEN["traceparent"])
    timeline = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    known = {each["what"]: each["detail"] for each in timeline if each["update_id"] == update_id}
    assert known["shipment_accepted"] == {"request_id": "ask-1"}
    assert known["attempt"]["request_id"] == "ask-1"
    about = {
        "request_id": "ask-1",
        "trace_id": TRACE,
        "store_id": order.id.int & 0xFFFFFFFF,
        "order_id": str(order.id),
        "update_id": update_id,
    }
    for what in ("answered", "delivered"):
        line = of_event([each for each in logged if each.get("request_id") == "ask-1"], what)
        assert about.items() <= line.items(), what
        assert line["seconds"] >= 0
    assert line["correlation_id"] == " ".join(each["correlation_id"] for each in attempt["calls"])
    assert line["subject"] == order.purchase_order_id
    # The lines of the next request are not about this one.
    await client.post("/v1/orders", json={}, headers={"X-Request-ID": "ask-2"})
    assert not about.keys() & logged[-1].keys() - {"request_id"}
    new = {"name": "Second", "market": "US", "walmart": {"client_id": "b", "client_secret": "b"}}
    made = (await client.post("/v1/stores", json=new)).json()["id"]
    assert logged[-1]["store_id"] == UUID(made).int & 0xFFFFFFFF


async def test_each_door_keeps_the_request_with_what_it_accepts(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, adobe: Any
) -> None:
    del adobe
    order = await linked(world, client, units=9)
    store, own = order.store_id, f"/v1/orders/{order.id}"
    one = {**PACKAGE, "items": [{"line_number": "1", "quantity": 1}]}

    def named(door: str, **more: str) -> dict[str, str]:
        return {"X-Request-ID": door, **more}

    async def asked(door: str, path: str, **request: Any) -> None:
        headers = named(door, **request.pop("headers", {}))
        answer = await client.request("POST", path, headers=headers, **request)
        assert answer.is_success, (door, answer.text)

    await asked("fast", f"{own}/shipments", json=one | {"tracking_number": "1ZF"})
    await asked("slow", f"{own}/shipments?dry_run=false", json=one | {"tracking_number": "1ZS"})
    await asked(
        "packages", f"{own}/packages", json={"packages": [one | {"tracking_number": "1ZP"}]}
    )
    await asked(
        "bulk",
        f"/v1/shipments/bulk?store_id={store}",
        headers={"Content-Type": "text/csv"},
        content=(
            "order,carrier_code,tracking_number,line_number,quantity\n"
            f"{order.purchase_order_id},ups,1ZB,1,1\n"
        ),
    )
    items = [{"order_item_id": 70, "qty": 1}]
    tracks = [{"track_number": "1ZR", "title": "UPS", "carrier_code": "ups"}]
    await asked("rest", "/rest/store_1/V1/order/7/ship", json={"items": items, "tracks": tracks})
    assert (await hook(outside, "shipment", SHIPMENT, **named("hook"))).json()["op"] == "success"
    saved = SHIPMENT["data"]["shipment"]
    of_adobe = saved | {"entity_id": "46", "tracks": [saved["tracks"][0] | {"track_number": "1ZE"}]}
    answer = await event(outside, cloud_event(of_adobe), **named("event"))
    assert answer.is_success, answer.text
    levels = {"items": [{"sku": "SKU-1", "quantity": 4}]}
    answer = await client.put(
        f"/v1/stores/{store}/inventory", json=levels, headers=named("inventory")
    )
    assert answer.is_success, answer.text
    canceled = await world.an_order(1)
    await asked(
        "cancellation", f"/v1/orders/{canceled.id}/cancellation", json={"reason": "out_of_stock"}
    )
    async with world.database.begin() as connection:
        rows = await connection.execute(
            sa.text("SELECT request_id FROM updates WHERE kind <> 'acknowledgement'")
        )
    assert sorted(rows.scalars()) == sorted(
        ("fast", "slow", "packages", "bulk", "rest", "hook", "event", "inventory", "cancellation")
    )


async def test_an_event_that_waited_keeps_the_request_that_brought_it(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, logged: list[Any]
) -> None:
    order = await linked(world, client)
    await client.patch(f"/v1/orders/{order.id}", json={"commerce_order_id": 8})
    await hook(outside, "cancellation", CANCEL, **GIVEN)
    async with world.database.begin() as connection:
        await connection.execute(sa.text("UPDATE orders SET commerce_order_id = 7"))
        found = await connection.execute(sa.text("SELECT id FROM commerce_events"))
        event_id = found.scalar_one()
    await replay.replay(world.context, event_id)
    canceled = (await world.order(order.id)).cancellation
    assert canceled is not None
    assert (await world.update(canceled.update.id)).request_id == "ask-1"
    assert logged[-1].get("request_id") in {None, "ask-1"}


async def test_one_trace_leads_from_the_request_to_the_call_and_has_no_secret(
    world: World, client: httpx.AsyncClient, recorded: Recorded
) -> None:
    order = await world.an_order(3)
    recorded.exporter.clear()
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE, headers=GIVEN)
    update_id = UUID(answer.json()["update"]["id"])
    await world.deliver_until(update_id)
    spans = [each for each in recorded.spans() if f"{each.context.trace_id:032x}" == TRACE]
    by_id = {f"{each.context.span_id:016x}": each for each in spans}
    works = {each.name.split()[0] for each in spans}
    assert works == {"request", "transaction", "claim", "delivery", "call"}

    def parent(name: str) -> str:
        found = next(each for each in spans if each.name.startswith(name))
        assert found.parent is not None
        above = f"{found.parent.span_id:016x}"
        return by_id[above].name.split()[0] if above in by_id else above

    above = {work: parent(work) for work in sorted(works)}
    assert above == {
        "request": PARENT,
        "transaction": "request",
        "claim": "request",
        "delivery": "request",
        "call": "delivery",
    }
    said = json.dumps([json.loads(each.to_json()) for each in recorded.spans()])
    basic = base64.b64encode(b"seller-1:right").decode()
    for private in (ADMIN_KEY, "seller-1", basic, "1ZA", "Sample", "72712", "Bearer"):
        assert private not in said, private
    (attempt,) = (await client.get(f"/v1/updates/{update_id}")).json()["attempts"]
    delivery = next(each for each in spans if each.name == "delivery shipment")
    request = next(each for each in spans if each.name.startswith("request"))
    for name in ("store_id", "order_id", "update_id", "request_id"):
        known = [(each.attributes or {})[f"waybill.{name}"] for each in (request, delivery)]
        assert known[0] == known[1], name
    assert attempt["traceparent"] == f"00-{TRACE}-{delivery.context.span_id:016x}-01"
    assert dict(delivery.attributes or {}) == {
        "waybill.kind": Kind.SHIPMENT.value,
        "waybill.store_id": order.id.int & 0xFFFFFFFF,
        "waybill.order_id": str(order.id),
        "waybill.update_id": str(update_id),
        "waybill.request_id": "ask-1",
        "waybill.attempt": 1,
        "waybill.verdict": "confirmed",
    }
    assert recorded.measured() == {
        "http.server.request.duration",
        "http.client.request.duration",
        "waybill.transaction.duration",
        "waybill.claim.duration",
        "waybill.delivery.duration",
    }
