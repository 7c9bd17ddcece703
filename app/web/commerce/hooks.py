"""/webhooks/commerce/{store_code}/{hook}: receives Adobe Commerce webhooks."""

from typing import Annotated, Literal

import structlog
from fastapi import Header, Request, Response

from app.commerce import payloads, signatures
from app.domain.errors import NotAvailable, OrderError, Unknown
from app.storage.idempotency import StoredResponse
from app.usecases.commerce_events import receive
from app.web.commerce.examples import HOOK_BODY
from app.web.commerce.hook_request import (
    PREFIX,
    context_of,
    in_time,
    read_json,
    side_of,
)
from app.web.commerce.lookups import StoreCode
from app.web.commerce.responses import OperationOut
from app.web.dependencies import respond
from app.web.path_rules import HOOK, PathRule
from app.web.problems import Unauthorized
from app.web.route import OperationRouter
from app.web.v1.responses import problems, success

router = OperationRouter(PREFIX, "webhooks", PathRule("/webhooks/commerce/", HOOK))
_log = structlog.get_logger(__name__)


@router.post(
    "/{hook}",
    operation_id="receive_commerce_webhook",
    summary="Receive an Adobe Commerce webhook",
    response_model=OperationOut,
    responses=success(
        200,
        OperationOut,
        {"op": "success", "message": None},
        "The operation.",
    )
    | problems(body=True),
    openapi_extra={"requestBody": HOOK_BODY},
)
async def receive_commerce_webhook(
    request: Request,
    store_code: StoreCode,
    hook: Literal["shipment", "track", "cancellation", "creditmemo"],
    signature: Annotated[
        str | None,
        Header(
            alias="x-adobe-commerce-webhook-signature",
            max_length=2000,
            description="RSA signature of the base64-encoded body.",
        ),
    ] = None,
) -> Response:
    """Carry out what Commerce saved: a shipment, a track, a cancellation or a credit memo.

    The answer has Commerce's form. `exception` refuses the webhook, with a message for the
    merchant, and sets the order's status to `error`. `success` also answers a repeated webhook,
    and one for an order that is not linked yet, which is stored until then. The request is
    verified with the store's `commerce.webhook_public_keys`.
    """
    context, body = context_of(request), await request.body()
    try:
        async with in_time(request):
            side = await side_of(context, store_code)
            keys = side.webhook_public_keys if side else ()
            # An unknown store is no other answer: callers without a key cannot ask which exist.
            if not signatures.webhook_signed(body, signature, keys) or side is None:
                raise Unauthorized("The webhook has no valid signature of this store's Commerce.")
            message = payloads.read(hook, await read_json(body))
            done = await receive.receive(context, side.store_id, message)
    except (NotAvailable, Unknown):
        raise
    except OrderError as error:
        _log.info("commerce_webhook_refused", hook=hook, code=error.code)
        return _operation("exception", str(error))
    _log.info("commerce_webhook", hook=hook, what=done.what, why=done.why)
    return _operation("success", None)


def _operation(op: str, message: str | None) -> Response:
    shown = OperationOut(op=op, message=message)
    return respond(StoredResponse(200, shown.model_dump_json(exclude_none=True).encode(), {}))
