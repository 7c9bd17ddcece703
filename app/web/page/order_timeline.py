"""The timeline of an order as the page shows it: by day, newest first, with evidence of tries."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from app.domain.orders.order_event import OrderEvent
from app.storage.queries.views import AttemptView, CallView, OrderView, TimelineEntry
from app.web.page import formats, words
from app.web.page.i18n import deferred
from app.web.page.viewer import Viewer

_MOST_TRIES: Final = 12
"""Tries with their evidence on the page; the file for a support case has all."""
_MOST_TEXT: Final = 3000
_VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "confirmed": ("good", deferred("it worked")),
    "already_there": ("good", deferred("it was there already")),
    "try_later": ("warn", deferred("not now")),
    "unclear": ("warn", deferred("no clear answer")),
    "refused": ("bad", deferred("refused")),
    "send_again": ("warn", deferred("sent; once more later")),
    "fault": ("bad", deferred("a mistake of Waybill's")),
    "handed_back": ("", deferred("handed back")),
}


@dataclass(frozen=True, slots=True)
class CallShown:
    """One call of a try, redacted."""

    operation: str
    method: str
    path: str
    status: int | None
    milliseconds: int
    correlation_id: str
    request: str | None
    response: str | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of the timeline, in words."""

    at: datetime
    icon: str
    tone: str
    sentence: str
    more: str | None
    actor: str | None
    calls: tuple[CallShown, ...] = ()
    said: str | None = None
    """The other system's own words."""
    request_id: str | None = None
    """Of the request that asked for what was tried."""


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of a day in the viewer's zone, newest first."""

    at: datetime
    entries: tuple[Happened, ...]


def days(
    order: OrderView,
    entries: Sequence[TimelineEntry],
    attempts: Mapping[UUID, Sequence[AttemptView]],
    viewer: Viewer,
) -> list[Day]:
    """The timeline of an order, newest first."""
    numbers = _numbers(order)
    accepted = {each.update_id: each.at for each in entries if each.what.endswith("_accepted")}
    shown = [
        _entry(each, numbers, accepted, viewer)
        for each in entries
        if each.what != OrderEvent.ATTEMPT
    ]
    tries = sorted((each for some in attempts.values() for each in some), key=_ended)
    newest = {each.id for each in tries[-_MOST_TRIES:]}
    shown += [_try(each, viewer, full=each.id in newest) for each in tries]
    # Entries of one moment keep their order, so that an end follows its try.
    newest_first = sorted(shown, key=lambda each: each.at)[::-1]
    grouped = groupby(newest_first, key=lambda each: each.at.astimezone(viewer.zone).date())
    return [Day(some[0].at, some) for some in (tuple(group) for _, group in grouped)]


def _ended(attempt: AttemptView) -> datetime:
    return attempt.ended_at


def _numbers(order: OrderView) -> dict[UUID, int]:
    """The numbers of packages by the updates that send or correct them."""
    numbers: dict[UUID, int] = {}
    for number, shipment in enumerate(order.shipments, start=1):
        numbers[shipment.update.id] = number
        if shipment.correction is not None:
            numbers[shipment.correction.id] = number
    return numbers


def _entry(
    entry: TimelineEntry,
    numbers: Mapping[UUID, int],
    accepted: Mapping[UUID | None, datetime],
    viewer: Viewer,
) -> Happened:
    number = numbers.get(entry.update_id) if entry.update_id else None
    values = {**entry.detail, "number": number}
    sentence, more = words.happened(entry.what, values, viewer)
    known = words.event_words(entry.what)
    more = _changed(entry.detail) or _differences(entry.detail) or more
    since = accepted.get(entry.update_id)
    if entry.what.endswith("_confirmed") and since is not None:
        seconds = max((entry.at - since).total_seconds(), 0)
        more = viewer.gettext("%(time)s after it was accepted", time=formats.duration(seconds))
    return Happened(entry.at, known.icon, known.tone, sentence, more, entry.actor)


def _changed(detail: Mapping[str, Any]) -> str | None:
    """Old and new values of a corrected package."""
    old, new = detail.get("old"), detail.get("new")
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return None
    changed = [name for name in new if old.get(name) != new[name] and (old.get(name) or new[name])]
    return " · ".join(f"{old.get(name) or '–'} → {new[name] or '–'}" for name in changed) or None  # noqa: RUF001


def _differences(detail: Mapping[str, Any]) -> str | None:
    found = detail.get("drift")
    if not isinstance(found, Sequence):
        return None
    return " ".join(str(each.get("message", "")) for each in found) or None


def _try(attempt: AttemptView, viewer: Viewer, *, full: bool) -> Happened:
    tone, verdict = _VERDICTS.get(attempt.verdict, ("", ""))
    seconds = (attempt.ended_at - attempt.started_at).total_seconds()
    sentence = viewer.gettext(
        "Try %(attempt)s: %(verdict)s",
        attempt=attempt.number,
        verdict=viewer.gettext(verdict) if verdict else attempt.verdict,
    )
    more = _took(viewer, seconds)
    calls = tuple(_call(each) for each in attempt.calls) if full else ()
    said = attempt.detail.partition(": ")[2] if attempt.detail else None
    return Happened(
        at=attempt.ended_at,
        icon="send",
        tone=tone,
        sentence=sentence,
        more=more,
        actor=None,
        calls=calls,
        said=said or None,
        request_id=attempt.request_id,
    )


def _took(viewer: Viewer, seconds: float) -> str:
    if seconds < 1:
        return viewer.gettext("%(count)s ms", count=round(seconds * 1000))
    return formats.duration(seconds)


def _call(call: CallView) -> CallShown:
    return CallShown(
        operation=call.operation,
        method=call.method,
        path=call.path,
        status=call.status,
        milliseconds=round((call.ended_at - call.started_at).total_seconds() * 1000),
        correlation_id=call.correlation_id,
        request=readable(call.request),
        response=readable(call.response),
        failure=call.failure,
    )


def readable(text: str | None) -> str | None:
    """JSON with a line for each field; other texts as they are. Long ones are cut."""
    if not text:
        return None
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
