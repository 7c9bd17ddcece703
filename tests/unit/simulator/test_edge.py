"""Pages of other sites neither read the simulator nor change it."""

import httpx
import pytest

from app.simulator.app import create_app
from tests.unit.simulator.seller import Clock

ORDER = {"client_id": "seller", "lines": [{"line_number": "1", "sku": "A", "quantity": 1}]}


@pytest.mark.parametrize(
    ("headers", "read", "written"),
    [
        ({"Host": "127.0.0.1:8090"}, 200, 201),
        ({"Host": "LocalHost"}, 200, 201),
        ({"Host": "[::1]:8090"}, 200, 201),
        ({"Host": "simulator:8090"}, 200, 201),
        ({"Host": "localhost:8090", "Origin": "http://localhost:8090"}, 200, 201),
        ({"Host": "localhost:8090", "Origin": "http://localhost:8080"}, 200, 403),
        ({"Host": "localhost:8090", "Origin": "https://evil.example"}, 200, 403),
        ({"Host": "localhost:8090", "Origin": "null"}, 200, 403),
        ({"Host": "localhost:8090", "Origin": "http://[evil"}, 200, 403),
        ({"Host": "evil.example:8090"}, 403, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403, 403),
        ({"Host": "localhost.evil.example"}, 403, 403),
        ({"Host": "localhost@evil.example"}, 403, 403),
        ({"Host": "[evil"}, 403, 403),
        ({"Host": ""}, 403, 403),
    ],
)
async def test_only_known_hosts_are_served_and_only_its_own_page_writes(
    clock: Clock, headers: dict[str, str], read: int, written: int
) -> None:
    app = create_app(now=clock, names=["simulator"])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answers = [
            await http.get("/simulator/orders", headers=headers),
            await http.post("/simulator/orders", headers=headers, json=ORDER),
        ]
        left = await http.get("/simulator/orders")
    assert [answer.status_code for answer in answers] == [read, written]
    assert len(left.json()["orders"]) == (written == 201)
