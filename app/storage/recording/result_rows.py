"""The rows of a result: the update as it becomes, and the attempt."""

from typing import Any

from app.domain.outbox.delivery_result import DeliveryResult
from app.storage.recording.settlement import error_json


def change_row(result: DeliveryResult) -> dict[str, Any]:
    """The update as it becomes, as a row of write_results.sql."""
    step = result.step
    return {
        "store_id": result.update.store_id,
        "id": str(result.update.id),
        "lease_token": str(result.update.lease_token),
        "state": step.state.value,
        "due_in": step.due_in,
        "retries": step.retries,
        "reads": step.reads,
        "ambiguous": step.ambiguous,
        "faults": step.faults,
        "doubt": step.doubt.value,
        "quiet": result.quiet,
        "known": step.known,
        "failing": step.failing,
        "failing_for": step.failing_for,
        "last_error": error_json(step.failure, result.update.kind, step.failed_at),
    }


def attempt_row(result: DeliveryResult) -> dict[str, Any]:
    """The attempt, as a row of write_results.sql."""
    update, attempt = result.update, result.attempt
    return {
        "store_id": update.store_id,
        "id": str(attempt.id),
        "update_id": str(update.id),
        "order_id": str(update.order_id) if update.order_id else None,
        "number": update.attempts,
        "poller": attempt.poller,
        "started_at": attempt.started_at.isoformat(),
        "ended_at": attempt.ended_at.isoformat(),
        "verdict": attempt.verdict,
        "detail": attempt.detail,
        "calls": list(attempt.calls),
        "request_id": update.request_id,
        "traceparent": attempt.traceparent or update.traceparent,
    }
