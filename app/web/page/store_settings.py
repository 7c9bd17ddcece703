"""The other settings of a store: usual values, notifications, announcements of Walmart."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import Response

from app.domain import notification_kind
from app.domain.errors import OrderError
from app.storage.idempotency import StoredResponse
from app.usecases.stores import manage
from app.usecases.stores.notification_test import NotificationTest, send_test
from app.usecases.stores.walmart_webhooks import subscribe_at
from app.web.access import settings_of
from app.web.page import acts, store_problems
from app.web.page.cancellation_words import REASONS
from app.web.page.context import PageAdministering, PageContext
from app.web.page.notification_words import KINDS
from app.web.page.route import PageRouter
from app.web.page.store_access import AccessForm, missing, save, store_of, text
from app.web.v1.store_schemas import SubscribeIn

router = PageRouter()
_SETTINGS, _NOTIFICATIONS = "store_settings.html", "store_notifications.html"
_ANNOUNCE = "store_announce.html"
# How long the old secret signs beside a new one.
_OVERLAP = timedelta(days=1)
_NAMES = (
    "name",
    "code",
    "default_tracking_url",
    "default_cancellation_reason",
    "time_zone",
    "admin_order_url",
    "charge_amount_is",
)
# What an empty field of the form means: null, which removes a value. These two cannot be empty.
_NEEDED = {"name", "code"}


@router.get("/stores/{store_id}/settings")
async def settings_page(context: PageAdministering, store_id: UUID) -> Response:
    """Ask for new settings."""
    store = await store_of(context, store_id)
    values = {name: getattr(store, name) or "" for name in _NAMES}
    return AccessForm(_SETTINGS, values, more={"reasons": REASONS}).shown(context, store)


@router.post("/stores/{store_id}/settings")
async def change_settings(context: PageAdministering, store_id: UUID) -> Response:
    """Save settings."""
    store = await store_of(context, store_id)
    values = {name: text(context, name) for name in _NAMES}
    form = AccessForm(_SETTINGS, values, more={"reasons": REASONS})
    form.problems = missing(context, {f"/{name}": values[name] for name in sorted(_NEEDED)})
    if form.problems:
        form.status = 422
        return form.shown(context, store)
    given = {name: value or None for name, value in values.items()}
    return await save(
        context, store, form, given, context.viewer.gettext("The settings are saved.")
    )


@router.get("/stores/{store_id}/notifications")
async def notifications_page(context: PageAdministering, store_id: UUID) -> Response:
    """Ask for the address of notifications, their kinds and a new secret."""
    store = await store_of(context, store_id)
    kinds = store.notifications.kinds if store.notifications else notification_kind.DEFAULT
    return _notifications_form(kinds).shown(context, store)


@router.post("/stores/{store_id}/notifications")
async def change_notifications(context: PageAdministering, store_id: UUID) -> Response:
    """Save the settings of notifications, end an old secret, or end notifications."""
    store = await store_of(context, store_id)
    go = text(context, "go")
    if go == "off":
        notice = context.viewer.gettext("Notifications are off.")
        return await save(context, store, _notifications_form(()), {"notifications": None}, notice)
    if go == "end_old":
        ended = {"notifications": {"old_secret_until": None}}
        notice = context.viewer.gettext("The old secret no longer signs.")
        return await save(context, store, _notifications_form(()), ended, notice)
    kinds = [str(kind) for kind in context.form.getlist("kinds")]
    given = _notifications(context, kinds)
    # Neither address nor secret is shown again: the address is a secret too.
    form = _notifications_form(kinds)
    if store.notifications is None:
        needed = {f"/notifications/{name}": given.get(name, "") for name in ("url", "secret")}
        form.problems = missing(context, needed)
    if not kinds:
        words = context.viewer.gettext("Choose at least one, or turn notifications off.")
        form.problems["/notifications/kinds"] = words
    if form.problems:
        form.status = 422
        return form.shown(context, store)
    notice = context.viewer.gettext("Notifications are saved. Send a test to be sure.")
    return await save(context, store, form, {"notifications": given}, notice)


def _notifications(context: PageContext, kinds: Sequence[str]) -> dict[str, Any]:
    """What the form changes; an empty field keeps what is stored."""
    typed = {"url": text(context, "notifications_url"), "secret": text(context, "secret")}
    given: dict[str, Any] = {name: value for name, value in typed.items() if value}
    given["kinds"] = list(kinds)
    if "secret" in given and text(context, "keep_old") == "on":
        given["old_secret_until"] = (context.app.now() + _OVERLAP).isoformat()
    return given


def _notifications_form(kinds: Sequence[str]) -> AccessForm:
    return AccessForm(_NOTIFICATIONS, more={"kinds": KINDS, "picked": set(kinds)})


@router.post("/stores/{store_id}/notifications/test")
async def test_notifications(context: PageAdministering, store_id: UUID) -> Response:
    """Send a test notification; the page of the store says what came back."""
    number = context.store_of(store_id, "store")
    address = context.link(f"/stores/{store_id}")

    def shown(tested: NotificationTest) -> StoredResponse:
        words = context.viewer.gettext("The test arrived.") if tested.ok else ""
        return context.redirected(address, notice=words)

    return await acts.act(
        context,
        None,
        number,
        shown,
        lambda once: send_test(context.app, store_id, actor=context.actor, once=once),
    )


@router.get("/stores/{store_id}/announce")
async def announce_page(context: PageAdministering, store_id: UUID) -> Response:
    """Ask for the address at which Walmart announces orders."""
    store = await store_of(context, store_id)
    url = settings_of(context.request).public_url or ""
    return AccessForm(_ANNOUNCE, {"url": url}).shown(context, store)


@router.post("/stores/{store_id}/announce")
async def announce(context: PageAdministering, store_id: UUID) -> Response:
    """Let Walmart announce the store's orders."""
    store = await store_of(context, store_id)
    form = AccessForm(_ANNOUNCE, {"url": text(context, "url")})
    try:
        url = store_problems.checked(SubscribeIn, form.values).url
        await subscribe_at(context.app, store.id, url, actor=context.actor)
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
        form.status = store_problems.status_of(error)
        return form.shown(context, store)
    notice = context.viewer.gettext("Walmart announces new orders from now on.")
    return context.redirect(context.link(f"/stores/{store.id}"), notice=notice)


@router.post("/stores/{store_id}/verify")
async def verify(context: PageAdministering, store_id: UUID) -> Response:
    """Try the stored keys of Walmart."""
    store = await store_of(context, store_id)
    verified = await manage.verify(context.app, store.id)
    if verified.ok:
        notice = context.viewer.gettext("Walmart accepts the keys.")
        return context.redirect(context.link(f"/stores/{store.id}"), notice=notice)
    values = {"client_id": store.walmart.client_id}
    form = AccessForm("store_walmart.html", values, verified=verified, status=409)
    return form.shown(context, store)
