"""m2-sdk: reads and searches orders, and ships."""

from m2_sdk.auth import AuthManager
from m2_sdk.client import M2Client
from m2_sdk.config import M2Config
from report import GIVEN, operation, package

SHIP = GIVEN["ship"]
config = M2Config(api_key=GIVEN["key"], api_url=f"{GIVEN['url']}/rest/{GIVEN['store']}/V1")
client = M2Client(config, AuthManager(config))

operation(
    "request GET /orders/{id}",
    lambda: client.request("GET", f"/orders/{SHIP['id']}").json(),
    lambda order: order["entity_id"] == SHIP["id"],
)
operation(
    "resource(orders).filter.limit.get",
    lambda: client.resource("orders").filter(increment_id=SHIP["number"]).limit(5).get(),
    bool,
)
operation(
    "request POST /order/{id}/ship",
    lambda: client.request(
        "POST", f"/order/{SHIP['id']}/ship", json_data=package("1ZM2SDK")
    ).json(),
    bool,
)
