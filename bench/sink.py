"""A Walmart that accepts every shipment: `python -m bench.sink PORT [SECONDS]`.

It answers after this many seconds (default 0), with an order that shows the sent units, and counts
them: `GET /count` answers the shipments and the times of the first and the last of them,
`GET /times` when each order's first one came, in nanoseconds since 1970.
"""

import asyncio
import json
import sys
import time
from typing import Any, cast

import uvloop

# With Walmart's rate-limit headers: enough calls for any run.
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-current-token-count: 5000\r\n"
    b"x-next-replenish-time: %d\r\nContent-Length: %d\r\n\r\n"
)
_TOKEN = {"access_token": "t" * 200, "token_type": "Bearer", "expires_in": 900}


class _Took:
    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.shipments = 0
        self.first = 0.0
        self.last = 0.0
        self.times: dict[str, int] = {}

    def answer(self, path: str, body: bytes) -> object:
        if path.endswith("/token"):
            return _TOKEN
        if path == "/count":
            return {"shipments": self.shipments, "first": self.first, "last": self.last}
        if path == "/times":
            return self.times
        self.last = time.time()
        self.first = self.first or self.last
        self.shipments += 1
        number = path.split("/")[3]
        self.times.setdefault(number, time.time_ns())
        return _order(number, json.loads(body))


def _order(number: str, sent: dict[str, Any]) -> object:
    lines = [
        {
            "lineNumber": line["lineNumber"],
            "item": {"productName": "A thing", "sku": f"SKU-{line['lineNumber']}"},
            "orderLineQuantity": {"unitOfMeasurement": "EACH", "amount": "1"},
            "orderLineStatuses": line["orderLineStatuses"],
        }
        for line in sent["orderShipment"]["orderLines"]["orderLine"]
    ]
    address = {"name": "A Buyer", "address1": "1 Some Street", "city": "Town", "postalCode": "1"}
    shipping = {"phone": "5550100", "methodCode": "Standard", "postalAddress": address}
    return {
        "order": {
            "purchaseOrderId": number,
            "customerOrderId": f"C{number}",
            "customerEmailId": "buyer@example.com",
            "orderDate": 1767225600000,
            "shippingInfo": shipping,
            "orderLines": {"orderLine": lines},
        }
    }


class _Connection(asyncio.Protocol):
    def __init__(self, took: _Took) -> None:
        self._took = took
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            at = head.lower().find("content-length:")
            length = int(head[at + 15 :].split("\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            path = head.split(" ", 2)[1]
            late = self._took.delay if path.startswith("/v3") else 0.0
            self._answer(self._took.answer(path, body), late)

    def _answer(self, content: object, late: float) -> None:
        assert self._transport is not None  # noqa: S101 - connected
        body = json.dumps(content).encode()
        answer = _HEAD % (int(time.time() * 1000) + 60_000, len(body)) + body
        if late:
            asyncio.get_running_loop().call_later(late, self._write, answer)
        else:
            self._transport.write(answer)

    def _write(self, answer: bytes) -> None:
        # The client may have disconnected meanwhile.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(port: int, delay: float) -> None:
    took = _Took(delay)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(took), "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
