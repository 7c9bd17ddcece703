"""Walmart's own OpenAPI documents as schemas, and a report of the comparisons with them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

ORDER = "/v3/orders/{purchaseOrderId}"
JSON = "application/json"
_EVENTS = frozenset({"/v3/webhooks/eventTypes", "/v3/webhooks/subscriptions"})


@dataclass
class Report:
    """The comparisons and the mismatches."""

    compared: int = 0
    mismatches: list[str] = field(default_factory=list)

    def compare(self, what: str, body: object, schema: Mapping[str, Any]) -> None:
        self.compared += 1
        found = sorted(Draft202012Validator(schema).iter_errors(body), key=lambda e: e.json_path)
        self.mismatches += [f"{what}: {e.json_path}: {e.message[:200]}" for e in found]
        say(f"{'MISMATCH' if found else 'ok':8} {what}")

    def miss(self, what: str) -> None:
        self.mismatches.append(what)
        say(f"{'MISMATCH':8} {what}")


@dataclass(frozen=True)
class Documents:
    """Walmart's documents and their schemas; `others` are those of its other APIs."""

    orders: Mapping[str, Any]
    auth: Mapping[str, Any]
    others: Sequence[Mapping[str, Any]] = ()

    def of(self, path: str) -> Mapping[str, Any]:
        """The document that describes a path."""
        return next(
            each for each in (self.orders, self.auth, *self.others) if path in each["paths"]
        )

    def request(self, path: str, method: str = "post") -> dict[str, Any]:
        content = self.of(path)["paths"][path][method]["requestBody"]["content"]
        schema: dict[str, Any] = strict(content[JSON]["schema"])
        return schema

    def answer(self, method: str, path: str) -> dict[str, Any]:
        if (method, path) == ("get", ORDER):
            # Its schema (no wrapper, a date as text) contradicts its own example, which is
            # shaped like the answers to the writes.
            method, path = "post", f"{ORDER}/acknowledge"
        if path in _EVENTS:
            return self._events(method, path)
        answer = self.of(path)["paths"][path][method]["responses"]["200"]["content"][JSON]
        schema: dict[str, Any] = strict(answer["schema"])
        return schema

    def _events(self, method: str, path: str) -> dict[str, Any]:
        """Events as in Walmart's examples: their schemas wrap the same events differently."""
        found = self.of(path)["paths"][path][method]["responses"]["200"]["content"][JSON]
        (events,) = found["schema"]["properties"].values()
        event = events["items"]
        inner = event["properties"].get("event")
        event = strict(inner["items"] if inner else event)
        return {
            "type": "object",
            "required": ["events"],
            "additionalProperties": False,
            "properties": {"events": {"type": "array", "items": event}},
        }

    @property
    def read_example(self) -> object:
        """Walmart's own example of an order that is read."""
        answer = self.orders["paths"][ORDER]["get"]["responses"]["200"]["content"][JSON]
        return next(iter(answer["examples"].values()))["value"]


def say(line: str) -> None:
    """Print a line of the report."""
    sys.stdout.write(f"{line}\n")


def strict(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema, with unnamed fields forbidden."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # `example`, `xml` and the like mean nothing to a validator; a property may have their name.
    closed = {key: value if key in {"default", "enum"} else strict(value)
              for key, value in schema.items() if key != "nullable"}  # fmt: skip
    if isinstance(closed.get("type"), str):
        if isinstance(closed.get("properties"), dict):
            closed.setdefault("additionalProperties", False)
        if schema.get("nullable"):
            closed["type"] = [closed["type"], "null"]
    return closed


def enumeration(schema: Any, name: str) -> Sequence[str]:
    """The values that a schema allows for the property of that name."""
    if isinstance(schema, list):
        return next((found for item in schema if (found := enumeration(item, name))), [])
    if not isinstance(schema, dict):
        return []
    here = schema.get("properties", {}).get(name, {})
    if isinstance(here, dict) and "enum" in here:
        return [str(word) for word in here["enum"]]
    return enumeration(list(schema.values()), name)
