"""The OpenAPI document is the code's own, and its examples are valid requests and answers."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.domain.errors import OrderError
from app.domain.orders.cancellation import Reason, reason_of
from app.storage.queries.views import OrderView
from app.walmart.markets import Market
from app.web import export, problem_documents, problems
from app.web.commerce.schemas import ShipIn
from app.web.problem_codes import CODES
from app.web.problem_documents import Rejection
from app.web.v1 import responses
from app.web.v1.cancellation_schemas import CancellationIn
from app.web.v1.order_schemas import OrderIn, OrderPatch
from app.web.v1.return_schemas import RefundIn
from app.web.v1.shipment_schemas import ShipmentIn
from app.web.v1.store_schemas import CommerceIn

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = export.document()
OPERATION_IDS = {
    "create_store", "list_stores", "get_store", "update_store", "verify_store",
    "try_store", "test_notifications", "subscribe_store",
    "list_carriers", "list_ship_methods",
    "register_order", "import_order", "list_orders", "summarize_orders", "get_order",
    "update_order", "get_order_timeline", "refresh_order",
    "ship_order", "preview_shipment", "list_shipments", "get_shipment", "correct_tracking",
    "preview_tracking", "ship_packages", "preview_packages", "preview_cancellation",
    "preview_retry", "preview_refund", "preview_ship_orders", "preview_cancel_orders",
    "cancel_order", "get_cancellation", "list_cancellation_reasons",
    "commerce_ship_order", "commerce_cancel_order", "commerce_search_orders",
    "commerce_get_order", "put_inventory", "receive_walmart_event", "ship_orders", "cancel_orders",
    "receive_commerce_webhook", "answer_adobe_challenge", "receive_adobe_events",
    "list_audit", "list_keys", "create_key", "rotate_key", "revoke_key",
    "list_attention",
    "list_attention_members",
    "fix_attention",
    "list_commerce_events", "retry_commerce_event", "dismiss_commerce_event",
    "commerce_get_shipment", "commerce_save_track", "commerce_delete_track",
    "commerce_get_order_item", "commerce_get_order_status", "commerce_list_comments",
    "commerce_add_comment", "commerce_search_shipments", "commerce_save_shipment",
    "commerce_search_credit_memos", "commerce_get_credit_memo", "commerce_refund_credit_memo",
    "commerce_search_order_items",
    "commerce_refund_order", "list_returns", "summarize_returns", "get_return", "refund_return",
    "list_updates", "get_update", "retry_update", "retry_updates", "dismiss_update", "fix_update",
    "get_sync_health",
    "create_job", "get_job", "dismiss_updates", "refresh_orders",
    "get_me", "create_sign_in_link", "list_sessions", "end_session",
    "stream_events", "export_orders", "export_returns", "export_updates",
    "check_liveness", "check_readiness", "get_metrics",
}  # fmt: skip


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": DOCUMENT["components"]}


def test_the_committed_document_matches_the_code() -> None:
    assert (ROOT / "openapi" / "openapi.json").read_text() == export.rendered()


def test_titles_of_problems_do_not_depend_on_the_version_of_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for status, since_python_3_13 in ((413, "Content Too Large"), (422, "Unprocessable Content")):
        monkeypatch.setattr(HTTPStatus(status), "phrase", since_python_3_13)
    described = responses.problems("invalid", body=True)
    assert described[413]["description"].startswith("Request Entity Too Large: ")
    assert described[422]["description"].startswith("Unprocessable Entity: ")
    rejection = Rejection({"path": "/v1/stores"}, 422, "invalid", "A field is wrong.")
    answer = problem_documents.render(rejection)
    assert json.loads(bytes(answer.body))["title"] == "Unprocessable Entity"


def test_operation_ids_stay_those_that_clients_were_generated_from() -> None:
    assert {operation["operationId"] for _, operation in operations()} == OPERATION_IDS


@pytest.mark.parametrize(
    ("name", "operation"), list(operations()), ids=lambda value: str(value)[:40]
)
def test_every_operation_has_a_description(name: str, operation: dict[str, Any]) -> None:
    assert operation["summary"], name
    assert operation["description"], name
    assert len(operation["tags"]) == 1
    if "/v1" in name:
        assert operation["security"] == [{"api_key": []}, {"oauth1": []}]
        assert {"401", "403", "422", "503"} <= operation["responses"].keys()


@pytest.mark.parametrize(
    ("name", "operation"), list(operations()), ids=lambda value: str(value)[:40]
)
def test_every_example_matches_its_schema(name: str, operation: dict[str, Any]) -> None:
    checked = 0
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for media in body.get("content", {}).values():
            examples = [e["value"] for e in media.get("examples", {}).values()]
            examples += [media["example"]] if "example" in media else []
            examples += media["schema"].get("examples", [])
            assert examples, name
            for example in examples:
                jsonschema.validate(example, resolved(media["schema"]))
                checked += 1
    assert checked


def test_every_problem_is_a_problem_document_with_an_example() -> None:
    for name, operation in operations():
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                commerce = "/rest/" in name
                wanted = "application/json" if commerce else problem_documents.MEDIA_TYPE
                assert list(response["content"]) == [wanted], (name, status)


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a part of the document, with those inside it."""
    if isinstance(node, list):
        for each in node:
            yield from schemas(each)
    elif isinstance(node, dict):
        if node.keys() & {"type", "$ref", "anyOf", "enum"} and "in" not in node:
            yield node
        for name, each in node.items():
            if name not in {"example", "examples", "value", "default", "enum"}:
                yield from schemas(each)


def test_no_two_schemas_have_one_name_and_no_name_is_of_a_module() -> None:
    """Generators name a type by the key or by the title of its schema."""
    named = DOCUMENT["components"]["schemas"]
    assert {name: schema["title"] for name, schema in named.items()} == {n: n for n in named}
    assert [name for name in named if not re.fullmatch(r"[A-Z][A-Za-z]+", name)] == []
    titled = [each for each in schemas(DOCUMENT) if isinstance(each.get("title"), str)]
    assert len(titled) == len(named)


def test_bounds_are_whole_numbers_and_those_of_the_code() -> None:
    """FastAPI's floating point would make 2^63 of the bound 2^63 - 1."""
    for schema in schemas(DOCUMENT):
        # Names of pydantic's, which say nothing to a generator.
        assert not schema.keys() & {"ge", "gt", "le", "lt"}, schema
        bounds = [schema[name] for name in ("minimum", "maximum") if name in schema]
        assert [bound for bound in bounds if type(bound) is not int] == [], schema
    for model in (ShipIn, ShipmentIn, CancellationIn, OrderIn, OrderPatch, CommerceIn, RefundIn):
        exact = model.model_json_schema()
        for name, schema in {**exact.get("$defs", {}), model.__name__: exact}.items():
            published = DOCUMENT["components"]["schemas"].get(name, {})
            for field, each in schema.get("properties", {}).items():
                assert bounds_of(published["properties"][field]) == bounds_of(each), (name, field)
    assert '"maximum": 9223372036854775807' in export.rendered()


def bounds_of(schema: dict[str, Any]) -> list[tuple[str, int]]:
    names = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
    return [(name, each[name]) for each in schemas(schema) for name in names if name in each]


def test_an_operation_without_an_api_key_says_so() -> None:
    open_to_all = {
        operation["operationId"] for _, operation in operations() if not operation["security"]
    }
    assert open_to_all == {
        "receive_walmart_event", "receive_commerce_webhook", "answer_adobe_challenge",
        "receive_adobe_events", "check_liveness", "check_readiness", "get_metrics",
    }  # fmt: skip


def test_an_operation_has_one_type_of_success() -> None:
    for name, operation in operations():
        types = {
            json.dumps(media["schema"], sort_keys=True)
            for status, response in operation["responses"].items()
            if status.startswith("2")
            for media in response["content"].values()
        }
        assert len(types) == 1, name
        assert not any("anyOf" in each for each in types), name


def test_a_closed_set_of_values_is_in_its_schema() -> None:
    named = DOCUMENT["components"]["schemas"]
    assert named["CancellationReason"]["enum"] == [*Reason]
    reason = {"$ref": "#/components/schemas/CancellationReason"}
    assert named["CancellationIn"]["properties"]["reason"].items() >= reason.items()
    for name in ("StoreIn", "StorePatch"):
        default = named[name]["properties"]["default_cancellation_reason"]
        assert default["anyOf"] == [reason, {"type": "null"}]
    examples = named["CancelIn"]["properties"]["reason"]["examples"]
    assert {reason_of(example) for example in examples} == {*Reason}
    assert named["StoreIn"]["properties"]["market"]["enum"] == [*Market]


def test_every_store_code_has_the_pattern_of_commerce() -> None:
    """Magento's app/code/Magento/Store/Model/Validation/StoreCodeValidator.php, and its column."""
    pattern = "^[A-Za-z][A-Za-z0-9_]{0,31}$"
    for name, operation in operations():
        for each in operation.get("parameters", ()):
            if each["name"] == "store_code":
                assert each["schema"]["pattern"] == pattern, name
    named = DOCUMENT["components"]["schemas"]
    assert named["StoreIn"]["properties"]["code"]["anyOf"][0]["pattern"] == pattern
    assert named["StorePatch"]["properties"]["code"]["pattern"] == pattern


def subclasses(kind: type[OrderError]) -> set[type[OrderError]]:
    found = set(kind.__subclasses__())
    return found.union(*(subclasses(each) for each in found))


def test_every_domain_error_has_a_status() -> None:
    assert subclasses(OrderError) == set(problems.STATUSES)


def test_every_raised_code_is_explained() -> None:
    """Codes are literals where they are raised, so they can be read from the source."""
    raised: set[str] = set()
    raising = re.compile(
        r'(?:Problem|Conflict|Invalid|NotAvailable|Busy|Stale|Forbidden)\(\s*"([a-z_]+)"|code = "([a-z_]+)"'
    )
    for part in ("domain", "usecases", "storage", "web"):
        for file in (ROOT / "app" / part).rglob("*.py"):
            for match in raising.finditer(file.read_text()):
                raised.add(match[1] or match[2])
    assert len(raised) > 30
    assert raised <= CODES.keys(), raised - CODES.keys()


def test_the_document_names_no_private_host() -> None:
    text = json.dumps(DOCUMENT)
    assert "localhost" not in text
    assert "127.0.0.1" not in text


def test_the_schema_of_a_response_model_is_built_once_for_all_apps() -> None:
    """One app takes 0.4 s of a processor longer where each route builds it again."""
    export.describing_only()
    built = OrderView.__dict__["__pydantic_core_schema__"]
    export.describing_only()
    assert OrderView.__dict__["__pydantic_core_schema__"] is built
