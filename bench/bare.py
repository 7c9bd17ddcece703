"""The reference for the API: Starlette and asyncpg with the same work in two statements.

No checks, no API keys, no rules, no metrics: a body comes in, the two statements run for it alone,
an answer goes out. The API batches concurrent requests; this does not.
"""

import argparse
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.bootstrap.process import freeze_garbage
from app.domain import ids
from app.storage.postgres.dsn import asyncpg_arguments
from bench import one_by_one


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection without a reset when it is released, which would be one more round trip."""

    def get_reset_query(self) -> str:
        """Return no query."""
        return ""


async def _speak_json(connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )


async def _ship(request: Request) -> Response:
    order = UUID(request.path_params["order"])
    store = order.int & 0xFFFFFFFF
    body = json.loads(await request.body())
    key = request.headers["idempotency-key"]
    idempotency = ("bench", "POST", request.url.path, key)
    async with request.app.state.pool.acquire() as connection:
        (row,) = await connection.fetch(one_by_one.LOOK, store, order, None, *idempotency)
        at, units = row["at"], body["items"][0]["quantity"]
        update, shipment = (
            ids.new_id(store, int(at.timestamp() * 1000), secrets.randbits(64)) for _ in range(2)
        )
        number = body["tracking_number"]
        payload = {
            "carrier": {"carrier": "UPS"},
            "tracking_number": number,
            "tracking_url": None,
            "shipped_at": at.isoformat(),
            "method_code": "Standard",
            "override_cancel_request": False,
        }
        items = [{"line_number": "1", "quantity": units, "confirmed": 0, "reserved": units}]
        answer = json.dumps({"id": str(shipment), "items": items, **payload}).encode()
        (kept,) = await connection.fetch(
            one_by_one.WRITE,
            *(store, order, row["version"], secrets.randbits(62)),
            *(update, "walmart", 2, payload, "bench", True, at),
            *(shipment, row["number"], "ups", None, number, number, None, at, "Standard", None),
            *(b"0" * 32, False, {"carrier": "UPS"}, items, ["1"], [units]),
            *(*idempotency, b"0" * 32, 202, {}, answer),
        )
    if not kept["written"]:
        return Response(b"{}", 409, media_type="application/json")
    return Response(answer, 202, media_type="application/json")


def main() -> None:
    """Serve on 127.0.0.1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=10)
    wanted = parser.parse_args()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(
            **asyncpg_arguments(wanted.database),
            min_size=wanted.connections,
            max_size=wanted.connections,
            connection_class=_Connection,
            init=_speak_json,
        )
        yield

    routes = [Route("/v1/orders/{order}/shipments", _ship, methods=["POST"])]
    app = Starlette(routes=routes, lifespan=lifespan)
    freeze_garbage()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=wanted.port,
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
