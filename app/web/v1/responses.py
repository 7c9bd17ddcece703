"""The answers that an operation documents: its success, and its problems with examples."""

from typing import Any, get_args

from app.web.problem_codes import CODES, title
from app.web.problem_documents import MEDIA_TYPE, ProblemOut

Responses = dict[int | str, dict[str, Any]]
# Example by name of its model, for openapi.py: FastAPI would remove nulls from an example.
EXAMPLES: dict[str, object] = {}
# Problems of every operation with an API key.
_ALWAYS = (
    "unauthorized",
    "scope_missing",
    "unknown_parameter",
    "too_many_attempts",
    "rate_limited",
    "database_unavailable",
    "order_busy",
    "request_timeout",
)
_WITH_BODY = ("malformed_json", "body_too_large", "unsupported_media_type")
REQUEST_ID = {
    "X-Request-ID": {
        "description": "Id of the request: the one that was sent, or a new one.",
        "schema": {"type": "string", "maxLength": 128},
    }
}
_LOCATION = {
    "Location": {
        "description": "Path of the accepted resource.",
        "schema": {"type": "string", "format": "uri-reference", "maxLength": 500},
    }
}


def success(
    status: int,
    model: Any,  # noqa: ANN401 - a model, or a union whose first is shown
    example: object,
    description: str,
    *,
    location: bool = False,
) -> Responses:
    """One successful answer. The document shows the same example for each use of the model."""
    EXAMPLES[(get_args(model) or (model,))[0].__name__] = example
    return {
        status: {
            "model": model,
            "description": description,
            "headers": {**REQUEST_ID, **(_LOCATION if location else {})},
        }
    }


def problems(*codes: str, body: bool = False) -> Responses:
    """The problems of an operation, with those that every operation has."""
    grouped: dict[int, list[str]] = {}
    for code in (*_ALWAYS, *(_WITH_BODY if body else ()), *codes):
        grouped.setdefault(CODES[code].status, []).append(code)
    return {status: _problem(status, some) for status, some in sorted(grouped.items())}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    examples = {
        code: {
            "summary": CODES[code].meaning,
            "value": {
                "type": f"/docs/problems#{code}",
                "title": title(status),
                "status": status,
                "detail": CODES[code].meaning,
                "instance": "/v1/…",
                "code": code,
                "request_id": "7f1c9a52e0b84c6db2f0f9d1c3a4e5f6",
            },
        }
        for code in codes
    }
    return {
        "description": f"{title(status)}: {', '.join(codes)}.",
        "headers": dict(REQUEST_ID),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": f"#/components/schemas/{ProblemOut.__name__}"},
                "examples": examples,
            }
        },
    }
