"""/orders/selection: what to do with the checked orders, or with all that match the list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from fastapi import Response
from starlette.datastructures import QueryParams

from app.domain import db_limits
from app.domain.errors import Invalid, Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries import OrderFilter, OrderSort
from app.storage.queries.views import JobView, OrderView
from app.usecases.jobs import create, kinds
from app.usecases.jobs.selection import Member, Selection
from app.usecases.many import MOST
from app.usecases.updates.retry_many import of_orders
from app.web import csv_stream
from app.web.page import acts, order_list
from app.web.page.context import PageContext, PageReading, PageWriting
from app.web.page.route import PageRouter
from app.web.v1 import export_rows, exports

router: Final = PageRouter()
ACTS: Final = {"retry": kinds.RETRY, "settle": kinds.DISMISS, "refresh": kinds.REFRESH}
_EXPORT = "export"
_COUNTED = 1000
_LONGEST_NOTE = 2048


@dataclass(frozen=True, slots=True)
class Plan:
    """What an act on a selection will do."""

    orders: int
    more: bool
    """Whether there are more orders than were counted."""
    updates: int | None
    """Updates that it acts on. None where they were not counted."""
    idle: int
    """Orders without anything to act on."""


@router.post("/orders/selection")
async def selection(context: PageWriting) -> Response:
    """Say what the act will do; then, confirmed, make a job of it."""
    form = context.form
    act, note = str(form.get("act") or ""), str(form.get("note") or "").strip()
    address = str(form.get("filter") or "")
    back = f"/orders?{address}" if address else context.link("/orders")
    everything = bool(form.get("all"))
    orders = _orders(context)
    if act not in {*ACTS, _EXPORT} or not (everything or orders):
        return context.redirect(back, notice=context.viewer.gettext("Select at least one order."))
    if act == _EXPORT:
        if everything:
            return context.redirect(f"/orders/export?{address}")
        return await _file(context, orders)
    chosen = _chosen(context, address) if everything else Selection(order_ids=orders)
    if form.get("confirmed") and _is_good(note, needed=act == "settle"):
        return await _begin(context, ACTS[act], chosen, note)
    return context.render(
        "selection.html",
        status=422 if form.get("confirmed") else 200,
        act=act,
        plan=await _plan(context, ACTS[act], chosen),
        orders=() if everything else orders,
        everything=everything,
        address=address,
        back=back,
        note=note,
        problem=context.viewer.gettext("A note is needed, of at most 2,048 characters.")
        if form.get("confirmed")
        else "",
    )


@router.get("/orders/export")
async def export(context: PageReading) -> Response:
    """The list as a CSV file, with the filters of its address."""
    shown = order_list.read(context.request.query_params, context.viewer.zone)
    store = context.store.id if context.store else None
    return await exports.orders_file(context, replace(shown.query, store_id=store))


def _orders(context: PageContext) -> tuple[UUID, ...]:
    """The checked orders. Raises Unknown for one that the person may not see."""
    found: dict[UUID, None] = {}
    for given in context.form.getlist("order")[:MOST]:
        try:
            identifier = UUID(str(given))
        except ValueError as error:
            raise Unknown("order", given) from error
        context.store_of(identifier)
        found[identifier] = None
    return tuple(found)


def _chosen(context: PageContext, address: str) -> Selection:
    """What the list shows. Raises Invalid for a filter that means nothing: it would find all."""
    shown = order_list.read(QueryParams(address), context.viewer.zone)
    if shown.unknown:
        raise Invalid("invalid", f"Unknown filters: {', '.join(shown.unknown)}.")
    wanted: OrderFilter = replace(shown.query.filter(context), sort=OrderSort.NEWEST)
    if context.store is not None:
        wanted = replace(wanted, store_id=context.store.store_id)
    return Selection(orders=wanted)


def _is_good(note: str, *, needed: bool) -> bool:
    short = bool(note or not needed) and len(note) <= _LONGEST_NOTE
    return short and db_limits.is_storable(note)


async def _plan(context: PageContext, kind: str, chosen: Selection) -> Plan:
    states = kinds.STATES.get(kind)
    async with context.app.database.begin() as connection:
        members, more = await chosen.page(connection, None, _COUNTED)
        if states is None or len(members) > MOST:
            return Plan(len(members), more is not None, None, 0)
        keys = [(each.store_id, each.id) for each in members]
        found = await of_orders(connection, keys, states)
    acted = {view.order_id for view in found}
    return Plan(len(members), more is not None, len(found), len(_idle(members, acted)))


def _idle(members: list[Member], acted: set[UUID | None]) -> list[Member]:
    return [each for each in members if each.order_id not in acted]


async def _begin(context: PageContext, kind: str, chosen: Selection, note: str) -> Response:
    store = context.caller.store_id or (context.store.store_id if context.store else 0)
    options: Mapping[str, str] = {"note": note} if note else {}
    return await acts.act(
        context,
        None,
        store,
        lambda job: _begun(context, job),
        lambda once: create.create(
            context.app,
            kind,
            chosen,
            options,
            store_id=store,
            actor=context.actor,
            once=once,
        ),
    )


def _begun(context: PageContext, job: JobView) -> StoredResponse:
    return context.redirected(context.link(f"/jobs/{job.id}"))


async def _file(context: PageContext, orders: tuple[UUID, ...]) -> Response:
    """The checked orders as a CSV file."""
    found: list[OrderView] = []
    async with context.app.database.direct.reading() as session:
        for each in orders:
            view = await queries.order(session, context.store_of(each), each)
            if view is not None:
                found.append(view)

    async def page(_: object) -> tuple[list[OrderView], None]:
        return found, None

    return await csv_stream.sent("orders", export_rows.ORDER_COLUMNS, page, export_rows.order_row)
