"""/stores/{store_id}/carriers: what each carrier code of Commerce goes out as at Walmart."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import Response

from app.domain.errors import OrderError
from app.storage.queries.carriers_in_use import CarrierInUse, carriers_in_use
from app.storage.queries.views import StoreView
from app.usecases.stores import manage
from app.walmart.carriers import CARRIERS
from app.web.page import store_problems
from app.web.page.carrier_rows import OTHER, SAMPLE, CarrierRow, mapped, unmapped
from app.web.page.context import PageAdministering, PageContext
from app.web.page.route import PageRouter
from app.web.page.store_access import AccessForm
from app.web.page.stores import store_in
from app.web.v1.store_schemas import StorePatch

router = PageRouter()
_FIELDS = ("code", "carrier", "other", "url")
_EMPTY_ROWS, _MOST = 2, 500
_TEMPLATE = "store_carriers.html"


@router.get("/stores/{store_id}/carriers")
async def carriers_page(context: PageAdministering, store_id: UUID) -> Response:
    """Show the table, the unmapped codes first."""
    store, used = await _store(context, store_id)
    rows = [*unmapped(store, used), *mapped(store)]
    return _shown(context, store, rows, AccessForm(_TEMPLATE))


@router.post("/stores/{store_id}/carriers")
async def change_carriers(context: PageAdministering, store_id: UUID) -> Response:
    """Save the table, or add a row."""
    store, used = await _store(context, store_id)
    rows = _rows(context, {each.code: each for each in used})
    form = AccessForm(_TEMPLATE)
    if context.form.get("go") == "save":
        try:
            given = {"carriers": {row.code: _entry(row) for row in rows if row.carrier}}
            changes = store_problems.checked(StorePatch, given).to_changes()
            await manage.change(context.app, store.id, changes, actor=context.actor)
        except OrderError as error:
            form.problems = store_problems.problems_in(error, context.viewer)
            form.status = store_problems.status_of(error)
        else:
            notice = context.viewer.gettext("The carriers are saved.")
            return context.redirect(context.link(f"/stores/{store.id}"), notice=notice)
    return _shown(context, store, rows, form)


def _entry(row: CarrierRow) -> Any:  # noqa: ANN401 - as JSON
    if row.carrier != OTHER:
        return row.carrier
    return {"other": row.other, "tracking_url": row.url or None}


def _rows(context: PageContext, used: Mapping[str, CarrierInUse]) -> list[CarrierRow]:
    columns = [context.form.getlist(name)[:_MOST] for name in _FIELDS]
    typed = [[str(value).strip() for value in row] for row in zip(*columns, strict=False)]
    return [
        CarrierRow(code, carrier, other, url, None if carrier else used.get(code))
        for code, carrier, other, url in typed
        if code
    ]


async def _store(context: PageContext, store_id: UUID) -> tuple[StoreView, Sequence[CarrierInUse]]:
    async with context.app.database.read() as connection:
        store = await store_in(context, connection, store_id)
        return store, await carriers_in_use(connection, store.store_id)


def _shown(
    context: PageContext, store: StoreView, rows: list[CarrierRow], form: AccessForm
) -> Response:
    form.more = {
        "rows": [*rows, *(CarrierRow("") for _ in range(_EMPTY_ROWS))],
        "choices": sorted(CARRIERS, key=str.casefold),
        "other": OTHER,
        "sample": SAMPLE,
    }
    return form.shown(context, store)
