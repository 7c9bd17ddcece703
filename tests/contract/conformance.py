"""Compares our client and our simulator with Walmart's own documents. Run by `make check`.

    python tests/contract/conformance.py [folder with us-orders.openapi.json and the others]

Prints what was compared. Exits 1 on a mismatch, 0 if all fits or if the documents, which are
Walmart's and not part of this repository, are absent. Bodies are checked against Walmart's schemas
with unknown fields forbidden, so that a misspelled one is found.
"""

import asyncio
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# Importable only once the root is on the path, because this file is run by its name.
from app.domain.orders.shipping import METHOD_CODES  # noqa: E402
from app.walmart import request_bodies  # noqa: E402
from app.walmart.carriers import CARRIERS, WalmartCarrier  # noqa: E402
from app.walmart.markets import CANCELLATION_CODES, Market  # noqa: E402
from app.walmart.request_bodies import ShipLine  # noqa: E402
from tests.contract.walmart_documents import (  # noqa: E402
    ORDER,
    Documents,
    Report,
    enumeration,
    say,
)
from tests.contract.walmart_journey import travel  # noqa: E402

DOCUMENTS = ROOT.parent / "shared" / "reference" / "walmart"
OTHERS = ("returns", "inventory", "notifications")
SCHEMAS = ROOT / "tests" / "contract" / "schemas"
SIMULATOR = "app.simulator.app"
# Ten carriers were added after the document (Walmart's notice of October 2026).
NEWER_CARRIERS = frozenset(CARRIERS[75:])
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def shipments() -> Iterator[tuple[str, dict[str, Any]]]:
    """Shipping bodies of every kind that Waybill makes."""
    lines = [ShipLine("1", 2), ShipLine("7", 1)]
    package: dict[str, Any] = {
        "lines": lines,
        "seller_order_id": "000000123",
        "shipped_at": NOW,
        "method_code": "Standard",
        "tracking_number": "1Z999AA10123456784",
        "tracking_url": None,
        "carrier": WalmartCarrier(carrier="UPS"),
    }
    ship = {**package, "override_cancel_request": False}
    yield "a package of two lines", request_bodies.shipping_body(**ship)
    for code in METHOD_CODES:
        yield f"method {code}", request_bodies.shipping_body(**{**ship, "method_code": code})
    for name in CARRIERS:
        if name not in NEWER_CARRIERS:
            changed = {**ship, "carrier": WalmartCarrier(carrier=name)}
            yield f"carrier {name}", request_bodies.shipping_body(**changed)
    other = {"carrier": WalmartCarrier(other="Acme"), "tracking_url": "https://acme.example/t/1"}
    changed = {**ship, **other, "override_cancel_request": True}
    yield "another carrier", request_bodies.shipping_body(**changed)
    yield (
        "a tracking correction",
        request_bodies.tracking_body(**package, current_tracking_number="1Z999AA10123456777"),
    )


def check_requests(documents: Documents, report: Report) -> None:
    """Check our request bodies, and the stored examples, against Walmart's schemas."""
    shipping, cancel = documents.request(f"{ORDER}/shipping"), documents.request(f"{ORDER}/cancel")
    for what, body in shipments():
        report.compare(f"shipping request, {what}", body, shipping)
    for reason, code in CANCELLATION_CODES[Market.US].items():
        body = request_bodies.cancellation_body(lines=[ShipLine("1", 2)], reason=code)
        report.compare(f"cancel request, {reason}", body, cancel)
    if "requestBody" in documents.orders["paths"][f"{ORDER}/acknowledge"]["post"]:
        report.miss("acknowledge: Walmart now wants a body")
    kept = {
        "shipping": shipping,
        "cancel": cancel,
        "order": documents.answer("get", ORDER),
    }
    report.compare("Walmart's own example of a read order", documents.read_example, kept["order"])
    for name, schema in kept.items():
        document = json.loads((SCHEMAS / f"walmart-{name}.json").read_text())
        for example in document["examples"]:
            report.compare(f"our example in walmart-{name}.json", example, schema)


def check_lists(documents: Documents, report: Report) -> None:
    """Compare the values that Waybill knows with those of Walmart's schemas."""
    schema = documents.request(f"{ORDER}/shipping")
    carriers = sorted(set(enumeration(schema, "carrier")) ^ (set(CARRIERS) - NEWER_CARRIERS))
    report.compare("the carriers both know", carriers, {"maxItems": 0})
    methods = sorted(set(enumeration(schema, "methodCode")) ^ set(METHOD_CODES))
    report.compare("the method codes both know", methods, {"maxItems": 0})
    reasons = enumeration(documents.request(f"{ORDER}/cancel"), "cancellationReason")
    unlike = sorted(set(reasons) ^ set(CANCELLATION_CODES[Market.US].values()))
    report.compare("the cancellation reasons both know", unlike, {"maxItems": 0})


def main(arguments: Sequence[str]) -> int:
    """Compare everything available; return the exit code."""
    folder = Path(arguments[0]) if arguments else DOCUMENTS
    orders, auth = (folder / f"us-{name}.openapi.json" for name in ("orders", "auth"))
    if not (orders.is_file() and auth.is_file()):
        say("conformance: Walmart's OpenAPI documents are not here; nothing was compared")
        return 0
    others = (folder / f"us-{name}.openapi.json" for name in OTHERS)
    found = [json.loads(file.read_text()) for file in others if file.is_file()]
    documents = Documents(json.loads(orders.read_text()), json.loads(auth.read_text()), found)
    report = Report()
    check_requests(documents, report)
    check_lists(documents, report)
    if importlib.util.find_spec(SIMULATOR):
        simulator = importlib.import_module(SIMULATOR).create_app()
        asyncio.run(travel(documents, report, simulator))
    else:
        say("conformance: there is no simulator to compare")
    for mismatch in report.mismatches:
        say(mismatch)
    say(f"conformance: {report.compared} comparisons, {len(report.mismatches)} mismatches")
    return 1 if report.mismatches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
