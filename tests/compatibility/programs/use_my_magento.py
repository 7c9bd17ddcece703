"""my-magento: signs in as an administrator or takes a token; searches orders."""

from magento import Client
from report import GIVEN, operation

SHIP = GIVEN["ship"]


def client(scope: str = "") -> Client:
    """A client with the API key as its token."""
    made = Client("shop.example", "name", "password", scope=scope, token=GIVEN["key"], login=False,
                  local=True, log_level="CRITICAL", user_agent="my-magento")  # fmt: skip
    # It has no port in its addresses.
    made.BASE_URL = f"{GIVEN['url']}/rest/V1/"
    return made


def refused() -> str:
    """The sentence that a sign-in by name and password is refused with."""
    try:
        client().authenticate()
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return str(error)
    return ""


operation(
    "sign-in by name and password (refused with what to use)",
    refused,
    lambda text: "API key" in text,
)
operation("orders.by_id", lambda: client().orders.by_id(SHIP["id"]), lambda o: o.id == SHIP["id"])
operation(
    "orders.by_number",
    lambda: client().orders.by_number(SHIP["number"]),
    lambda o: o.id == SHIP["id"],
)
operation(
    "orders.since(date)",
    lambda: client(scope=GIVEN["store"]).orders.since("2020-01-01").execute(),
    lambda found: len(found) >= 2,
)
operation(
    "orders.add_criteria(status).restrict_fields",
    lambda: (
        client()
        .orders.add_criteria("status", "pending,processing", "in")
        .restrict_fields(["entity_id", "increment_id"])
        .execute()
    ),
    lambda found: found,
)
operation(
    "order_items.by_sku",
    lambda: client().order_items.add_criteria("sku", "SKU-1").execute(),
    lambda found: found,
)
