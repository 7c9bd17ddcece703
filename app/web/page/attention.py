"""/attention: what needs action, by cause, each with one fix for all of its cases."""

from dataclasses import replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from fastapi import Response
from pydantic import ValidationError

from app.domain.attention import ELSEWHERE, MOST_AT_ONCE
from app.domain.audited_act import AuditedAct
from app.domain.errors import Conflict, Forbidden, Invalid, Unknown
from app.domain.orders.shipping import METHOD_CODES
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries import AuditFilter, KeysetPage
from app.storage.queries.views import AuditedActView
from app.usecases.attention import fix as use_case
from app.usecases.attention.fix import FixedGroup
from app.web import pagination
from app.web.page import acts
from app.web.page.attention_count import AttentionCounts
from app.web.page.attention_words import REASONS, problem, said
from app.web.page.context import PageContext, PageReading, PageWriting
from app.web.page.route import PageRouter
from app.web.page.words import code_words
from app.web.v1.attention_schemas import AttentionFixIn

router = PageRouter()
_NOUN = "attention group"
_PAGE = 50
_SETTLED = (
    AuditedAct.UPDATE_RETRIED,
    AuditedAct.UPDATE_DISMISSED,
    AuditedAct.COMMERCE_EVENT_RETRIED,
    AuditedAct.COMMERCE_EVENT_DISMISSED,
)
_FIELDS = ("tracking_url", "reason", "method_code", "note")


@router.get("/attention")
async def attention(context: PageReading) -> Response:
    """Show every cause, the most urgent kind first."""
    store = context.store.store_id if context.store else context.caller.store_id
    async with context.app.database.direct.reading() as session:
        found = await queries.attention(session, store)
    counts: AttentionCounts = context.request.app.state.attention
    shown = replace(context, attention=counts.keep(store, len(found)))
    kinds = [(kind, list(some)) for kind, some in groupby(found, lambda each: each.kind)]
    last = None if found else await _last(context, store)
    return shown.render("attention.html", kinds=kinds, last=last, code_words=code_words)


@router.get("/attention/{group_id}")
async def attention_cause(
    context: PageReading, group_id: UUID, cursor: pagination.Cursor = None
) -> Response:
    """Show all cases of a cause."""
    store = context.store_of(group_id, _NOUN)
    page = pagination.page(_PAGE, cursor, "attention")
    async with context.app.database.direct.reading() as session:
        known = await queries.attention_cause(session, store, group_id)
        if known is None:
            return _nothing_left(context)
        cause, group = known
        found, after = await queries.attention_members(session, cause, page)
    following = pagination.next_cursor(after, "attention")
    here = f"/attention/{group_id}"
    return context.render(
        "attention_cause.html",
        code_words=code_words,
        group=group,
        members=[queries.attention_member(cause, each) for each in found],
        older=context.link(here, cursor=following) if following else "",
    )


@router.get("/attention/{group_id}/fix")
async def attention_fix_form(context: PageWriting, group_id: UUID) -> Response:
    """Say what the fix of a cause will do, and ask for what it needs."""
    return await _form(context, group_id, {})


@router.post("/attention/{group_id}/fix")
async def attention_fix(context: PageWriting, group_id: UUID) -> Response:
    """Fix all cases of a cause."""
    store = context.store_of(group_id, _NOUN)
    given = {name: context.form.get(name) or None for name in (*_FIELDS, "as_of")}
    try:
        body = AttentionFixIn.model_validate(given)
        response = await acts.act(
            context,
            body,
            store,
            lambda fixed: _fixed(context, fixed),
            lambda once: use_case.fix(
                context.app,
                (store, group_id),
                body.to_request(),
                actor=context.actor,
                may_administer=context.may("admin"),
                once=once,
            ),
        )
    except ValidationError as error:
        names = {str(each["loc"][0]) for each in error.errors() if each["loc"]}
        return await _form(context, group_id, dict.fromkeys(names, "invalid"))
    except Invalid as error:
        problems = {each.pointer.lstrip("/"): each.code for each in error.problems}
        return await _form(context, group_id, problems)
    except Unknown:
        return _nothing_left(context)
    counts: AttentionCounts = context.request.app.state.attention
    counts.forget()
    return response


async def _form(context: PageContext, group_id: UUID, problems: dict[str, str]) -> Response:
    store = context.store_of(group_id, _NOUN)
    async with context.app.database.direct.reading() as session:
        as_of = await queries.database_time(session)
        known = await queries.attention_cause(session, store, group_id)
    if known is None:
        return _nothing_left(context)
    group = known[1]
    if group.fix is None or group.fix.action in ELSEWHERE:
        message = "These cases have no fix in common here."
        raise Conflict("attention_fix_elsewhere", message)
    if group.fix.action == "set_cancellation_reason" and not context.may("admin"):
        raise Forbidden("scope_missing", "This changes the store, so it needs the scope admin.")
    wrong = {name: problem(context.viewer, name, code) for name, code in problems.items()}
    return context.render(
        "attention_fix.html",
        status=422 if problems else 200,
        code_words=code_words,
        group=group,
        as_of=_seen(context, as_of),
        typed={name: context.form.get(name) or "" for name in _FIELDS},
        problems={name: wrong.get(name, "") for name in _FIELDS},
        problem=next((text for name, text in wrong.items() if name not in _FIELDS), ""),
        reasons=[(each.value, context.viewer.gettext(text)) for each, text in REASONS.items()],
        methods=METHOD_CODES,
        most=MOST_AT_ONCE,
    )


def _fixed(context: PageContext, fixed: FixedGroup) -> StoredResponse:
    leads = None
    if fixed.job_url is not None:
        job = fixed.job_url.rpartition("/")[2]
        leads = (context.link(f"/jobs/{job}"), context.viewer.gettext("See how far it is"))
    elif any(each.will == "queued" and each.order_id for each in fixed.data):
        sending = context.link("/orders", sync=["pending", "retrying"])
        leads = (sending, context.viewer.gettext("See what is being sent"))
    notice = said(context.viewer, fixed)
    return context.redirected(context.link("/attention"), notice=notice, leads=leads)


def _nothing_left(context: PageContext) -> Response:
    notice = context.viewer.gettext("Nothing of it needs action any more.")
    return context.redirect(context.link("/attention"), notice=notice)


def _seen(context: PageContext, now: datetime) -> str:
    """When the person saw the cause first, also if the form is shown again."""
    given = context.form.get("as_of")
    return given if isinstance(given, str) and given else now.isoformat()


async def _last(context: PageContext, store_id: int | None) -> AuditedActView | None:
    """The last problem that a person settled."""
    wanted = AuditFilter(store_id, what=_SETTLED)
    async with context.app.database.read() as connection:
        found, _ = await queries.acts(connection, wanted, KeysetPage(1))
    return found[0] if found else None
