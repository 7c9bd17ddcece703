"""The OpenAPI document: its introduction, and what FastAPI's own document lacks."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.web import openapi_schemas
from app.web.problem_documents import ProblemOut
from app.web.v1.responses import EXAMPLES

TITLE = "Waybill"
DESCRIPTION = """
Waybill keeps Walmart Marketplace and Adobe Commerce in sync. Commerce ships, cancels or refunds an
order here, and Waybill delivers the change to Walmart and shows its progress. Orders and returns
are imported from Walmart automatically.

**Updates.** `202` means that your request is committed together with an *update* for Walmart,
which is usually delivered within a second. Units count as `shipped` or `canceled` once Walmart
has confirmed it; until then they are `pending`.

**API keys.** Send an API key as `Authorization: Bearer <key>`, or sign requests by OAuth 1.0a
(HMAC-SHA256) as an integration of Commerce does.

**Idempotency.** Every POST accepts an `Idempotency-Key`. A request with the same key and the same
body returns the first answer again.

**Limits.** Each API key has a number of requests: `RateLimit-Policy` and `RateLimit` of an answer
say how many there are and how many are left. Beyond them the answer is 429 `rate_limited` with
`Retry-After`.

**Errors** are problem documents (RFC 9457) with a stable `code`: see [all codes](/docs/problems).
Paths under `/rest` have the requests, answers and errors of Commerce's own REST API.
"""
TAGS = [
    {
        "name": "stores",
        "description": "Commerce store views, each with its Walmart seller account.",
    },
    {"name": "carriers", "description": "Carriers and shipping methods that Walmart knows."},
    {"name": "orders", "description": "Walmart purchase orders."},
    {"name": "shipments", "description": "Shipped packages, and corrections of their tracking."},
    {
        "name": "cancellations",
        "description": "Whole orders, before any unit is shipped.",
    },
    {"name": "bulk", "description": "Many shipments or cancellations in one file."},
    {"name": "returns", "description": "Returns of buyers, and their refunds."},
    {"name": "inventory", "description": "Stock levels for Walmart."},
    {
        "name": "updates",
        "description": "Changes to deliver to Walmart or Commerce, and their attempts.",
    },
    {"name": "health", "description": "How updates were delivered, and what holds them up."},
    {"name": "events", "description": "Hints that orders changed, for open pages."},
    {"name": "jobs", "description": "One act on all orders or updates that a filter finds."},
    {
        "name": "attention",
        "description": "What needs action, by cause, with one fix for all cases of a cause.",
    },
    {
        "name": "commerce",
        "description": "Orders, in the paths and bodies of Commerce's own REST API.",
    },
    {"name": "webhooks", "description": "Webhooks and events of Adobe Commerce and Walmart."},
    {"name": "keys", "description": "API keys."},
    {"name": "people", "description": "People who sign in to the merchants' page."},
    {"name": "audit", "description": "Who changed stores and keys, and who signed in."},
    {"name": "operations", "description": "Probes and metrics. They need no API key."},
]
_PARAMETERS = {
    "store_id": "Id of the store.",
    "order_id": "Id of the order.",
    "shipment_id": "Id of the shipment.",
    "update_id": "Id of the update.",
    "return_id": "Id of the return.",
    "key_id": "Id of the API key.",
    "job_id": "Id of the job.",
    "session_id": "Id of the session.",
    "event_id": "Id of the Commerce event.",
    "group_id": "Id of the cause.",
    "hook": "The entity that Commerce saved.",
    "status": "Only orders with this status.",
    "state": "Only updates in this state.",
    "kind": "Only updates of this kind.",
}
# Names of schemas whose classes are clear only beside their modules.
_PUBLISHED = {"Reason": "CancellationReason"}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body return the first answer again. Kept for 7 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
}


def install(app: FastAPI) -> None:
    """Let the app create its document by this module, once."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=TITLE,
        version=app.version,
        openapi_version="3.1.0",
        description=DESCRIPTION.strip(),
        routes=app.routes,
        tags=TAGS,
        servers=[{"url": "/", "description": "This deployment"}],
        license_info={"name": "Proprietary", "url": "https://waybill.example/license"},
    )
    # Set afterwards, because FastAPI needs another library to validate the email address.
    document["info"]["contact"] = {
        "name": "The developers of Waybill",
        "url": "https://waybill.example/support",
        "email": "support@waybill.example",
    }
    schemas = document["components"]["schemas"]
    schema = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas[ProblemOut.__name__] = schema
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    openapi_schemas.make_exact(document)
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _finish(method, operation)
    names = _names(schemas)
    _publish(schemas, names)
    text = json.dumps(document)
    for name, published in names.items():
        text = text.replace(f'/schemas/{name}"', f'/schemas/{published}"')
    named: dict[str, Any] = json.loads(text)
    return named


def _names(schemas: dict[str, Any]) -> dict[str, str]:
    """Names of classes to names of schemas, where they differ. A view has its name as title."""
    titles = {name: schema["title"] for name, schema in schemas.items()}
    return {name: title for name, title in titles.items() if name != title} | _PUBLISHED


def _publish(schemas: dict[str, Any], names: dict[str, str]) -> None:
    """Rename schemas. Raises ValueError for a name that another schema has."""
    for name, published in names.items():
        if published in schemas:
            raise ValueError(f"Two schemas are named {published}.")
        schemas[published] = schemas.pop(name) | {"title": published}


def _finish(method: str, operation: dict[str, Any]) -> None:
    """Remove FastAPI's own 422, add examples, and the header of every POST with an API key.

    An operation that needs no API key says so.
    """
    for status, response in list(operation["responses"].items()):
        media = response.get("content", {})
        if status == "422":
            media.pop("application/json", None)
            if not media:
                # Commerce's paths answer 400 instead.
                del operation["responses"][status]
        shown = media.get("application/json", {})
        schema = shown.get("schema", {})
        first = schema.get("anyOf", [schema])[0]
        model = first.get("$ref", "").rpartition("/")[2]
        if model in EXAMPLES:
            shown["example"] = EXAMPLES[model]
    for parameter in operation.get("parameters", []):
        parameter.setdefault("description", _PARAMETERS.get(parameter["name"], ""))
    if method == "post" and "security" in operation:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    # mutation: operations-without-a-key
    operation.setdefault("security", [])
