"""The attempt as it is stored: verdict, detail and calls, without the buyer's words."""

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
    """Return one word for an outcome."""
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
    """Return a sentence on an outcome. None means that its verdict says all."""
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
    """Remove the buyer's words from an outcome; a refusal may repeat them."""
    return _reworded(outcome, lambda text: redaction.hide(text, private)) if private else outcome


def unnamed(outcome: Outcome, calls: Sequence[Call]) -> Outcome:
    """Remove sentences that may name the buyer, if the buyer's words are not known."""
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
    """Return the last snapshot of the order in an outcome."""
    return None if isinstance(outcome, HandedBack) else outcome.snapshot


def pause(outcome: Outcome) -> Pause | None:
    """Return the pause that an answer asks for, if any."""
    return outcome.pause if isinstance(outcome, TryLater | Unclear) else None


def call_json(call: Call) -> dict[str, Any]:
    """Return a call as the column attempts.calls stores it; its texts are redacted already."""
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
