"""What a change of a store's settings looks like in the audit: groups of values, no secret."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.domain.audited_act import AuditedAct
from app.storage.audit import Act
from app.storage.queries.views import StoreView

# Fields of the view that are no settings.
_OTHERS = {"id", "store_id", "created_at", "updated_at", "status_details"}
# Secrets, by their field in a request of the use case, and their name in the audit. The address
# of notifications is one: that of a chat lets its reader write there.
SECRETS: Mapping[str, str] = {
    "walmart_client_secret": "walmart.client_secret",
    "commerce_access_token": "commerce.access_token",
    "notifications_url": "notifications.url",
    "notifications_secret": "notifications.secret",
}
_CREDENTIALS = {
    "walmart.client_id",
    "walmart.client_secret",
    "commerce.base_url",
    "commerce.access_token",
}


def created(store: StoreView, given: Mapping[str, Any], actor: str) -> Act:
    """The act of connecting a store, with the settings that have a value."""
    set_now = {name: value for name, value in given.items() if value is not None}
    after = {
        name: value
        for name, value in (_flat(store) | _secrets(set_now)).items()
        if value not in (None, [], False)
    }
    return Act(AuditedAct.STORE_CREATED, actor, store.name, store.store_id, {}, after)


def changed(
    before: StoreView, after: StoreView, given: Mapping[str, Any], actor: str
) -> Iterator[Act]:
    """The acts of a change, one for each group of settings that differ."""
    old, new = _flat(before), _flat(after) | _secrets(given)
    names = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    for what in AuditedAct:
        some = sorted(name for name in names if _group(name) is what)
        if some:
            values = [{name: each[name] for name in some if name in each} for each in (old, new)]
            yield Act(what, actor, after.name, after.store_id, *values)


def _group(name: str) -> AuditedAct:
    if name in _CREDENTIALS:
        return AuditedAct.STORE_CREDENTIALS_CHANGED
    if name.startswith("carriers.") or name == "default_tracking_url":
        return AuditedAct.STORE_CARRIERS_CHANGED
    if name.startswith("notifications."):
        return AuditedAct.STORE_NOTIFICATIONS_CHANGED
    return AuditedAct.STORE_CHANGED


def _secrets(given: Mapping[str, Any]) -> dict[str, str]:
    # mutation: audit-without-secrets
    return {
        shown: "removed" if given[name] is None else "changed"
        for name, shown in SECRETS.items()
        if name in given
    }


def _flat(store: StoreView) -> dict[str, Any]:
    """The settings of a store by dotted names, a carrier's by its code."""
    found: dict[str, Any] = {}
    for name, value in asdict(store).items():
        if name in _OTHERS or (name == "notifications" and value is None):
            continue
        if not isinstance(value, dict):
            found[name] = value
            continue
        for key, inner in value.items():
            if not key.endswith("_set"):
                found[f"{name}.{key}"] = _json(inner)
    return found


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value
