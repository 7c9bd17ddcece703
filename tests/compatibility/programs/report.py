"""Reports each operation of a client as a line of JSON."""

import json
import os
from collections.abc import Callable
from typing import Any

GIVEN: dict[str, Any] = json.loads(os.environ["COMPATIBILITY"])
"""What the client may use: addresses, keys and orders. See tests/compatibility/run.py."""


def operation(name: str, call: Callable[[], Any], expected: Callable[[Any], Any]) -> None:
    """Call an operation, and check its result."""
    try:
        found = call()
        why = "" if expected(found) else f"Unexpected: {found}"
    except Exception as error:  # noqa: BLE001 - whatever a client raises
        why = f"{type(error).__name__}: {error}"
    print(json.dumps({"operation": name, "why": why}), flush=True)  # noqa: T201 - the report


def package(number: str) -> dict[str, Any]:
    """The body of a shipment of the order to ship."""
    item = {"order_item_id": GIVEN["ship"]["item"], "qty": 1}
    track = {"track_number": number, "title": "UPS", "carrier_code": "ups"}
    return {"items": [item], "tracks": [track]}
