"""The OpenAPI document: who it is for, and what FastAPI would leave out of it."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.web.problem_documents import ProblemOut
from app.web.v1.responses import EXAMPLES

TITLE = "Waybill"
DESCRIPTION = """
Waybill keeps Walmart Marketplace in step with Adobe Commerce, in both directions: Commerce ships,
cancels or refunds an order here, Walmart is told, and everybody can read where it stands; orders
and returns come in from Walmart by themselves.

**How it answers.** `202` means that your request is written down together with its *update* for
Walmart and will be delivered, usually within a second. Units count as `shipped` or `canceled`
only when Walmart has said so; until then they are `pending`.

**Keys.** Send an API key as `Authorization: Bearer <key>`. **Repeats.** Every POST takes an
`Idempotency-Key`; the same key with the same body gives the first answer again.
**Refusals** are problem documents (RFC 9457) with a stable `code`: see
[all codes](/docs/problems). The doors under `/rest` take, answer and refuse as
Commerce itself does.
"""
TAGS = [
    {"name": "stores", "description": "Commerce store views and the seller accounts behind them."},
    {"name": "orders", "description": "Walmart purchase orders as Waybill knows them."},
    {"name": "shipments", "description": "Packages that left, and corrections of their tracking."},
    {"name": "cancellations", "description": "Whole orders, before any unit has left."},
    {"name": "bulk", "description": "Files of many shipments or cancellations."},
    {"name": "returns", "description": "What buyers send back, and the refunds that answer it."},
    {"name": "inventory", "description": "Stock levels for Walmart to show."},
    {"name": "updates", "description": "What Walmart must be told, each try, and what to do now."},
    {
        "name": "commerce",
        "description": "The same in the paths and shapes of Commerce's own REST API, errors too.",
    },
    {"name": "webhooks", "description": "Where other systems tell Waybill what happened."},
    {"name": "operations", "description": "Probes and metrics; no key is needed."},
]
_PARAMETERS = {
    "store_id": "The id of a store.",
    "order_id": "The id of an order.",
    "shipment_id": "The id of a shipment of the order.",
    "update_id": "The id of an update.",
    "return_id": "The id of a return.",
    "event_id": "The id of something that Commerce told.",
    "hook": "What Commerce saved.",
    "status": "Only orders whose badge says so.",
    "state": "Only updates in this state.",
    "kind": "Only updates of this kind.",
}
# Schemas with a name of their own in the document: generated clients use it.
_PUBLISHED = {
    "CommerceRefundIn": "app__web__commerce__schemas__RefundIn",
    "RefundIn": "app__web__api__return_schemas__RefundIn",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body give the first answer again; kept for 7 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
}


def install(app: FastAPI) -> None:
    """Let the app describe itself with this module's words."""

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
    # Afterwards, because FastAPI wants another library to look at the address.
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
    """Names of classes to names in the document, where they differ. A view has it as its title."""
    titles = {name: schema["title"] for name, schema in schemas.items()}
    return {name: title for name, title in titles.items() if name != title} | _PUBLISHED


def _publish(schemas: dict[str, Any], names: dict[str, str]) -> None:
    """Give schemas the names that they have in the document."""
    for name, published in names.items():
        schema = schemas.pop(name)
        schema["title"] = published.rpartition("__")[2]
        schemas[published] = schema


def _finish(method: str, operation: dict[str, Any]) -> None:
    """Remove FastAPI's own 422, add examples, and the header of every POST with an API key."""
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
