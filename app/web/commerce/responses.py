"""The answers that the operations under /rest document: a success, and Commerce's errors."""

from typing import Any

from pydantic import BaseModel

from app.storage.idempotency import StoredResponse
from app.web.v1.responses import EXAMPLES, REQUEST_ID, Responses

TRUE, FALSE = StoredResponse(200, b"true", {}), StoredResponse(200, b"false", {})
"""Commerce's answer to a command that has no other."""
_REFUSALS = {
    400: "The content of the request or the state of the order does not allow it.",
    401: "The request has no valid API key in `Authorization: Bearer`, or OAuth signature.",
    403: "The API key lacks the scope that this operation needs.",
    404: "The store or order does not exist, or the key may not see it.",
    503: "The database cannot be reached. Send the request again after Retry-After.",
}
_WITH_BODY = {
    413: "The body exceeds 256 KiB or 5,000 named values.",
    415: "Send the body as application/json.",
}


class CommerceMoreOut(BaseModel):
    """An error; parameters has the JSON pointer of its field, if it is about one.

    If there are more errors than are shown, the last one states it, without parameters.
    """

    message: str
    parameters: list[str]


class CommerceRefusalOut(BaseModel):
    """Commerce's error body. error_code is Waybill's code (see /docs/problems).

    request_id is the answer's X-Request-ID, under which the log has the request.

    errors has all errors, and message and parameters are those of the first.
    """

    message: str
    errors: list[CommerceMoreOut]
    code: int
    parameters: list[str]
    trace: str | None
    error_code: str
    request_id: str


# Here, because FastAPI would remove the null from an example beside the response.
EXAMPLES[CommerceRefusalOut.__name__] = {
    "message": "3 units of commerce_item_id 55 were requested; 1 remain.",
    "errors": [
        {
            "message": "3 units of commerce_item_id 55 were requested; 1 remain.",
            "parameters": ["/items/0/qty"],
        }
    ],
    "code": 400,
    "parameters": ["/items/0/qty"],
    "trace": None,
    "error_code": "quantity_exceeds_remaining",
    "request_id": "7f1c9a52e0b84c6db2f0f9d1c3a4e5f6",
}


def answers(model: Any, *, example: object, description: str, body: bool = False) -> Responses:  # noqa: ANN401 - a model or a plain type
    """A success, and the errors of every operation."""
    refusals = {**_REFUSALS, **(_WITH_BODY if body else {})}
    return {
        200: {
            "model": model,
            "description": description,
            "headers": dict(REQUEST_ID),
            "content": {"application/json": {"example": example}},
        },
        **{
            status: {
                "model": CommerceRefusalOut,
                "description": text,
                "headers": dict(REQUEST_ID),
            }
            for status, text in refusals.items()
        },
    }


class OperationOut(BaseModel):
    """An operation in Commerce's form: success, or exception with a message for the merchant."""

    op: str
    message: str | None = None


class EventsOut(BaseModel):
    """The result of each event: accepted, known, corrected, ignored, waiting or refused: code.

    A waiting event is stored, and carried out when the order that it is about is linked.
    """

    results: list[str]
