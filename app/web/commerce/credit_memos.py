"""/rest/{store_code}/V1/creditmemo: refund returns, and read refunds as credit memos."""

from typing import Annotated

from fastapi import Body, Path, Response

from app.domain.db_limits import BIGINT
from app.domain.errors import Unknown
from app.storage import queries
from app.storage.queries import commerce_document_search
from app.usecases.returns.refund import Refunded
from app.web.commerce import problems, refunding
from app.web.commerce.credit_memo_schemas import (
    CommerceCreditMemoOut,
    CommerceCreditMemosOut,
    RefundMemoIn,
)
from app.web.commerce.examples import CREDIT_MEMO, CREDIT_MEMOS, REFUND_MEMO
from app.web.commerce.lookups import StoreCode, order_view, store_of
from app.web.commerce.responses import answers
from app.web.commerce.route import CommerceRouter
from app.web.commerce.search_pages import search_page
from app.web.commerce.search_parameters import searching
from app.web.dependencies import Reading, Writing, answer, respond

router = CommerceRouter("/rest/{store_code}/V1", "commerce")
_MemoId = Annotated[int, Path(ge=1, le=BIGINT, description="entity_id of the credit memo.")]


@router.get(
    "/creditmemos",
    operation_id="commerce_search_credit_memos",
    summary="Search credit memos by Commerce's API",
    response_model=CommerceCreditMemosOut,
    responses=answers(CommerceCreditMemosOut, example=CREDIT_MEMOS, description="A page."),
    openapi_extra=searching(commerce_document_search.REFUNDS.fields(0)),
)
async def search_credit_memos(context: Reading, store_code: StoreCode) -> Response:
    """Search the refunds of a store by `searchCriteria`, as `GET …/orders` searches orders.

    Fields: `entity_id`, `increment_id`, `order_id`, `store_id`, `state`, `created_at`,
    `updated_at`. Only refunds of orders that are linked to a Commerce order are found.
    """
    return await search_page(
        context,
        store_code,
        queries.search_refunds,
        CommerceCreditMemosOut,
        lambda found: CommerceCreditMemoOut.of(*found),
    )


@router.get(
    "/creditmemo/{creditmemo_id}",
    operation_id="commerce_get_credit_memo",
    summary="Get a credit memo by Commerce's API",
    response_model=CommerceCreditMemoOut,
    responses=answers(CommerceCreditMemoOut, example=CREDIT_MEMO, description="The credit memo."),
)
async def get_credit_memo(
    context: Reading, store_code: StoreCode, creditmemo_id: _MemoId
) -> Response:
    """Get a refund by its number, which is its `entity_id`.

    `sync_state` says whether Walmart has confirmed it. Walmart calculates the amounts, so the memo
    has none.
    """
    store = await store_of(context, store_code)
    async with context.app.database.read() as connection:
        found = await queries.refund_of_number(connection, store, creditmemo_id)
        order = await queries.order(connection, store, found[0]) if found else None
        returned = await queries.return_(connection, store, found[1]) if found else None
    if order is None or returned is None or order.commerce_order_id is None:
        raise Unknown("credit memo", creditmemo_id)
    refund = next(each for each in returned.refunds if each.number == creditmemo_id)
    memo = CommerceCreditMemoOut.of(order, returned, refund)
    return respond(answer(200, memo))


@router.post(
    "/creditmemo/refund",
    operation_id="commerce_refund_credit_memo",
    summary="Refund a credit memo by Commerce's API",
    response_model=CommerceCreditMemoOut,
    responses=answers(
        CommerceCreditMemoOut, example=CREDIT_MEMO, description="The credit memo.", body=True
    ),
)
@problems.in_fields_of_commerce("creditmemo")
async def refund_credit_memo(
    context: Writing,
    store_code: StoreCode,
    body: Annotated[RefundMemoIn, Body(examples=[REFUND_MEMO])],
) -> Response:
    """Refund items of an order by their open return.

    The rules are those of `POST …/order/{order_id}/refund`: the same items and comment again are
    the same refund for 7 days, by either path; `increment_id` counts as part of the comment. With
    a `transaction_id` it was refunded online, and is refused.
    """
    store, order = await order_view(context, store_code, body.creditmemo.order_id)

    def memo(refunded: Refunded) -> CommerceCreditMemoOut:
        made = next(each for each in refunded.returned.refunds if each.number == refunded.number)
        return CommerceCreditMemoOut.of(order, refunded.returned, made)

    return await refunding.refund(
        context,
        (store, order.id),
        body.to_refund(),
        lambda refunded: answer(200, memo(refunded)),
        sent=body,
    )
