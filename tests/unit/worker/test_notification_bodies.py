"""Bodies of notifications: what a receiver reads, and that a message has a bounded size."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.domain.notification_kind import NotificationKind
from app.storage.stores.error_notifications import DueNotification, Occurrence
from app.worker.maintenance import notification_bodies

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
STORE = DueNotification(
    store_id=7, id=UUID(int=7), code="us", name="Main store", tries=0, failing_for=None
)


def body(kind: NotificationKind, count: int, /, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"what": kind.value, "kind": "x", "code": "x", "created_at": AT}
    some = [Occurrence(id=n, about=UUID(int=n), **(given | changes)) for n in range(count)]
    message = notification_bodies.message(
        UUID(int=1), STORE, kind, some, public_url="https://waybill.example/", now=AT
    )
    assert message.total == count
    return dict(json.loads(message.body))


@pytest.mark.parametrize(
    "kind", [each for each in NotificationKind if each != NotificationKind.ERRORS]
)
def test_a_listed_kind_says_in_plain_words_what_happened_and_where_to_look(
    kind: NotificationKind,
) -> None:
    one, many = body(kind, 1), body(kind, 100)
    assert one["text"] == f"Main store: {one['text'].partition(': ')[2]}"
    assert one["text"].endswith(one["page"])
    assert one["page"].startswith("https://waybill.example/")
    assert (one["more"], many["more"]) == (False, True)
    assert len({each["id"] for each in many["occurrences"]}) == 100
    assert all(
        each["url"].startswith("https://waybill.example/v1/") for each in many["occurrences"]
    )
    # What Standard Webhooks recommends is 20 kB; a receiver must be able to take this.
    assert len(json.dumps(many)) < 50_000


def test_what_a_later_version_reports_is_said_and_not_lost() -> None:
    message = body(NotificationKind.ERRORS, 2, what="flood", kind="warehouse", code="wet")
    assert [(each["what"], each["count"]) for each in message["errors"]] == [("flood", 2)]
    assert "2 flood: wet" in message["text"]
