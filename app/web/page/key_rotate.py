"""/keys/{key_id}/rotate: a key gets a new secret, shown once, while the one before still works."""

from datetime import timedelta
from uuid import UUID

from fastapi import Response

from app.domain.errors import OrderError, Unknown
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.usecases.keys import rotate
from app.usecases.keys.create import CreatedKey
from app.usecases.keys.rotate import OVERLAP
from app.web.page import acts, store_problems
from app.web.page.context import PageAdministering, PageContext
from app.web.page.i18n import deferred
from app.web.page.keys import SCOPES, seen_key
from app.web.page.route import PageRouter
from app.web.page.store_access import AccessForm, text
from app.web.v1.api_keys import RotateIn

router = PageRouter()
_SHOWN_BEFORE = deferred(
    "The key %(name)s has a new secret, which was in the answer to your first click. Waybill does "
    "not keep it. If you have not copied it, rotate the key once more."
)
# How long the present secret works on, by its seconds in the form.
OVERLAPS = {
    "0": deferred("Not at all"),
    "3600": deferred("For an hour"),
    "86400": deferred("For a day"),
    "604800": deferred("For a week"),
    "2592000": deferred("For 30 days"),
}


@router.get("/keys/{key_id}/rotate")
async def rotate_page(context: PageAdministering, key_id: UUID) -> Response:
    """Say what happens, and ask how long the present secret works on."""
    values = {"overlap": str(int(OVERLAP.total_seconds()))}
    return await _asked(context, key_id, AccessForm("key_rotate.html", values))


@router.post("/keys/{key_id}/rotate")
async def rotate_key(context: PageAdministering, key_id: UUID) -> Response:
    """Rotate a key, and show its new secret once. A second post of the form rotates nothing."""
    form = AccessForm("key_rotate.html", {"overlap": text(context, "overlap")})
    if form.values["overlap"] not in OVERLAPS:
        form.problems = {"/overlap": store_problems.sentence("required", context.viewer)}
        form.status = 422
        return await _asked(context, key_id, form)
    try:
        return await _rotated(context, key_id, int(form.values["overlap"]))
    except Unknown:
        raise
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
        form.status = store_problems.status_of(error)
        return await _asked(context, key_id, form)


async def _rotated(context: PageContext, key_id: UUID, overlap: int) -> Response:
    shown: list[CreatedKey] = []
    within = context.caller.store_id

    async def made(once: IdempotentRequest | None) -> CreatedKey:
        seconds = timedelta(seconds=overlap)
        shown.append(
            await rotate.rotate(
                context.app, key_id, seconds, within=within, actor=context.actor, once=once
            )
        )
        return shown[0]

    def again(rotated: CreatedKey) -> StoredResponse:
        notice = context.viewer.gettext(_SHOWN_BEFORE, name=rotated.key.name)
        return context.redirected(context.link(f"/keys/{key_id}/rotate"), notice=notice)

    response = await acts.act(context, RotateIn(overlap_seconds=overlap), within or 0, again, made)
    if not shown:
        return response
    return context.render("key_made.html", made=shown[0], scopes=SCOPES)


async def _asked(context: PageContext, key_id: UUID, form: AccessForm) -> Response:
    async with context.app.database.read() as connection:
        key = await seen_key(context, connection, key_id)
    form.more = {"key": key, "overlaps": OVERLAPS}
    return form.shown(context)
