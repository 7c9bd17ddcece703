"""/returns: what buyers send back, and their refunds, before Walmart refunds by itself."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response

from app.domain import db_limits
from app.domain.errors import Conflict, Invalid, Problem, Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.postgres.query import Reader
from app.storage.queries import KeysetPage, ReturnFilter
from app.storage.queries.views import ReturnView
from app.usecases.returns import refund as use_cases
from app.web import pagination
from app.web.dry_runs import rehearse
from app.web.page import acts, return_rows
from app.web.page.context import PageContext, PageReading, PageWriting
from app.web.page.route import PageRouter
from app.web.v1.return_schemas import RefundIn, RefundItemIn

router = PageRouter()
_PAGE = 50
_MOST_UNITS = 6
Card = Literal["received", "arrived", "refunded", "error", "closed"]


@router.get("/returns")
async def returns(
    context: PageReading,
    status: Card | None = None,
    q: Annotated[str, Query(max_length=100)] = "",
    cursor: pagination.Cursor = None,
) -> Response:
    """Show the returns: first those that Walmart refunds by itself next, then the newest."""
    store = context.store.store_id if context.store else context.caller.store_id
    text = q.strip() or None
    wanted = ReturnFilter(store, status=status, q=text)
    if status == "arrived":
        wanted = ReturnFilter(store, arrived=True)
    order = "returns_arrived" if wanted.arrived else "returns"
    page, problem = pagination.page(_PAGE, cursor, order), ""
    found: list[ReturnView] = []
    after = None
    first = cursor is None and status is None and text is None
    async with context.app.database.direct.reading() as session:
        cards = await queries.return_cards(session, store)
        due = await _due(session, store) if first else []
        try:
            found, after = await queries.returns(session, wanted, page)
        except Invalid as error:
            problem = error.code
    known = {view.id for view in due}
    following = pagination.next_cursor(after, order)
    return context.render(
        "returns.html",
        cards=cards,
        found=[*due, *(view for view in found if view.id not in known)],
        picked=status,
        q=q,
        filtered=bool(status or text),
        problem=problem,
        rows=return_rows,
        older=context.link("/returns", status=status, q=text, cursor=following)
        if following
        else "",
    )


@router.get("/returns/{return_id}/refund")
async def refund_form(context: PageWriting, return_id: UUID) -> Response:
    """Ask how many units of a return to refund."""
    return await _form(context, return_id, ())


@router.post("/returns/{return_id}/refund")
async def refund(context: PageWriting, return_id: UUID) -> Response:
    """Refund units of a return."""
    store = context.store_of(return_id, "return")
    view = await _read(context, return_id)
    items, problems = _given(context, view)
    if problems:
        return await _form(context, return_id, problems)
    comment = context.form.get("comment")
    said = db_limits.storable(comment.strip()[:1000]) if isinstance(comment, str) else ""
    body = RefundIn(items=items, comment=said or None)
    try:
        return await acts.act(
            context,
            body,
            store,
            lambda _: _refunded(context),
            lambda once: use_cases.refund(
                context.app, return_id, body.to_request(), actor=context.actor, once=once
            ),
        )
    except (Invalid, Conflict) as error:
        return await _form(context, return_id, error.problems or (Problem(error.code, ""),))


async def _due(session: Reader, store: int | None) -> list[ReturnView]:
    due, _ = await queries.returns(session, ReturnFilter(store, arrived=True), KeysetPage(_PAGE))
    return due


async def _read(context: PageContext, return_id: UUID) -> ReturnView:
    store = context.store_of(return_id, "return")
    async with context.app.database.direct.reading() as session:
        view = await queries.return_(session, store, return_id)
    if view is None:
        raise Unknown("return", return_id)
    return view


def _given(
    context: PageContext, view: ReturnView
) -> tuple[list[RefundItemIn] | None, tuple[Problem, ...]]:
    """The units that a person chose, or what is wrong with them."""
    items = []
    for line in view.items:
        name = f"units_{line.return_line_number}"
        typed = context.form.get(name) or "0"
        if not isinstance(typed, str) or not typed.isdecimal() or len(typed) > _MOST_UNITS:
            return None, (Problem("invalid_quantity", "", f"/{name}"),)
        if int(typed):
            number = line.return_line_number
            items.append(RefundItemIn(return_line_number=number, quantity=int(typed)))
    return (items, ()) if items else (None, (Problem("required", "", "/items"),))


async def _form(context: PageContext, return_id: UUID, problems: tuple[Problem, ...]) -> Response:
    view = await _read(context, return_id)
    lines = return_rows.lines(view)
    found = problems
    if not problems:
        # What would be refused is said before a person has chosen anything.
        act = use_cases.preview(
            context.app, return_id, RefundIn().to_request(), actor=context.actor
        )
        found = (await rehearse(act)).problems
    codes = list(dict.fromkeys(each.code for each in found))
    return context.render(
        "refund.html",
        status=422 if problems else 200,
        returned=view,
        lines=lines,
        typed={
            line.item.return_line_number: context.form.get(
                f"units_{line.item.return_line_number}", str(line.left)
            )
            for line in lines
        },
        comment=context.form.get("comment") or "",
        problems=[return_rows.refusal(context.viewer, code) for code in codes],
        possible=bool(problems) or not codes,
    )


def _refunded(context: PageContext) -> StoredResponse:
    notice = context.viewer.gettext("The refund is on its way to Walmart.")
    back = "/attention" if context.via else "/returns"
    return context.redirected(context.link(back), notice=notice)
