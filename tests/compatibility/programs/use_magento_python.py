"""magento-python: reads and searches orders without a store code."""

from magento.client import Client
from report import GIVEN, operation

SHIP = GIVEN["ship"]
FILTER = "searchCriteria[filter_groups][0][filters][0]"
client = Client(f"{GIVEN['url']}/", GIVEN["key"])

operation(
    "get_order", lambda: client.get_order(str(SHIP["id"])), lambda o: o["entity_id"] == SHIP["id"]
)
operation(
    "search_order(searchCriteria empty)",
    lambda: client.search_order({"searchCriteria": ""}),
    lambda page: page["total_count"] >= 2,
)
operation(
    "search_order(like)",
    lambda: client.search_order(
        {
            f"{FILTER}[field]": "increment_id",
            f"{FILTER}[value]": f"{SHIP['number']}%",
            f"{FILTER}[condition_type]": "like",
        }
    ),
    lambda page: page["items"][0]["entity_id"] == SHIP["id"],
)
