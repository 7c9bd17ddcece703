"""The evidence of a delivery, in words a person can read later: verdict, detail and calls."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, assert_never

from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox.outcome import (
    AlreadyThere,
    Confirmed,
    HandedBack,
    InternalError,
    Outcome,
    Pause,
    Refused,
    SendAgain,
    TryLater,
    Unclear,
)
from app.http_client import error_redaction, redaction
from app.http_client.call import Call


def verdict(outcome: Outcome) -> str:  # noqa: PLR0911 - one for each outcome
    """One word for what a delivery came to."""
    match outcome:
        case Confirmed():
            return "confirmed"
        case AlreadyThere():
            return "already_there"
        case TryLater():
            return "try_later"
        case Unclear():
            return "unclear"
        case Refused():
            return "refused"
        case SendAgain():
            return "send_again"
        case InternalError():
            return "fault"
        case HandedBack():
            return "handed_back"
        case _:
            assert_never(outcome)


def detail(outcome: Outcome) -> str | None:
    """A sentence on it, where there is something to say."""
    match outcome:
        case TryLater(failure) | Unclear(failure) | Refused(failure) | InternalError(failure):
            return f"{failure.code}: {failure.message}"[:1000]
        case HandedBack(why):
            return why
        case SendAgain(until):
            return f"An older value may still arrive until {_time(until.isoformat())}."
        case Confirmed() | AlreadyThere():
            return None
        case _:
            assert_never(outcome)


def hidden(outcome: Outcome, private: Collection[str]) -> Outcome:
    """The outcome without the buyer's words, which a refusal may repeat."""
    return _reworded(outcome, lambda text: redaction.hide(text, private)) if private else outcome


def unnamed(outcome: Outcome, calls: Sequence[Call]) -> Outcome:
    """The outcome of those calls where the buyer's words are not known, without what may be one."""
    return _reworded(outcome, lambda text: error_redaction.reworded(text, calls))


def _reworded(outcome: Outcome, reword: Callable[[str], str]) -> Outcome:
    if not isinstance(outcome, TryLater | Unclear | Refused):
        return outcome
    failure = outcome.failure
    shown = replace(
        failure,
        message=reword(failure.message),
        lines=tuple(replace(line, message=reword(line.message)) for line in failure.lines),
    )
    return replace(outcome, failure=shown)


def snapshot(outcome: Outcome) -> OrderSnapshot | None:
    """The newest picture of the order that the delivery saw."""
    return None if isinstance(outcome, HandedBack) else outcome.snapshot


def pause(outcome: Outcome) -> Pause | None:
    """The pause that Walmart's answer asks for, if any."""
    return outcome.pause if isinstance(outcome, TryLater | Unclear) else None


def call_json(call: Call) -> dict[str, Any]:
    """A call as it is kept in the column attempts.calls; its texts are redacted already."""
    return {
        "operation": call.operation,
        "method": call.method,
        "path": call.path,
        "started_at": _time(call.started_at.isoformat()),
        "ended_at": _time(call.ended_at.isoformat()),
        "correlation_id": call.correlation_id,
        "request": call.request,
        "status": call.status,
        "response": call.response,
        "codes": list(call.codes),
        "failure": call.failure,
    }


def _time(text: str) -> str:
    return text.replace("+00:00", "Z")
