"""The answers that Commerce's doors document: a success, and Commerce's error body."""

from typing import Any

from pydantic import BaseModel

from app.web.v1.responses import EXAMPLES, REQUEST_ID, Responses

_REFUSALS = {
    400: "What was asked cannot be done, for its content or for the order's state.",
    401: "No valid API key was sent as `Authorization: Bearer`.",
    403: "The API key lacks the scope for this operation.",
    404: "There is no such store or order, as far as the key may see.",
    503: "The database cannot be reached. Send it again after Retry-After.",
}
_WITH_BODY = {413: "The body is larger than 256 KiB.", 415: "Send the body as application/json."}


class CommerceMoreOut(BaseModel):
    """Another thing that is wrong; parameters names its field as a JSON pointer.

    Where more is wrong than is shown the last one says so, without parameters.
    """

    message: str
    parameters: list[str]


class CommerceRefusalOut(BaseModel):
    """Commerce's error body. error_code is Waybill's stable code (see /docs/problems)."""

    message: str
    errors: list[CommerceMoreOut]
    code: int
    parameters: list[str]
    trace: str | None
    error_code: str


# FastAPI would drop the null out of an example beside it.
EXAMPLES[CommerceRefusalOut.__name__] = {
    "message": "3 units of commerce_item_id 55 were asked for; 1 remain.",
    "errors": [],
    "code": 400,
    "parameters": [],
    "trace": None,
    "error_code": "quantity_exceeds_remaining",
}


def answers(model: Any, *, example: object, description: str, body: bool = False) -> Responses:  # noqa: ANN401 - a model or a plain type
    """A success, and every refusal."""
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
    """Commerce's form of an answer: success, or exception with a message for the merchant."""

    op: str
    message: str | None = None


class EventsOut(BaseModel):
    """What came of each event: accepted, known, corrected, ignored, waiting, refused with a code.

    One that is waiting is kept, and carried out by itself once what it is about is there.
    """

    results: list[str]
