"""Reports of calls to the rate limits of their lanes: buckets, refusals, silence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import CallReport, Endpoint, endpoint_of
from app.http_client import call as calls
from app.http_client.call import Call, ErrorClass

_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_OK = 200
# Failures of this machine, which say nothing about Walmart.
_OURS = frozenset({calls.POOL_TIMEOUT, calls.NO_TIME_LEFT, calls.UNUSABLE_ADDRESS})
_LET_IN = frozenset({None, ErrorClass.REFUSED, ErrorClass.NOT_FOUND})


def report(
    store_id: int, made: Sequence[Call], pause: Pause | None, ended_at: datetime
) -> Iterator[CallReport]:
    """Report the calls of a delivery. ended_at: its end, by the database's time.

    The host's clock may be wrong, so the times of the calls are shifted: the last one ended then.
    """
    shift = ended_at - made[-1].ended_at if made else timedelta()
    known = [call for call in made if call.failure not in _OURS]
    paused = [call for call in known if pause and endpoint_of(call.operation) == pause.endpoint]
    for call in known:
        report_of_call = _of(store_id, call, shift)
        # The call that the pause answered does not close the circuit of its lane.
        yield replace(report_of_call, pause=pause) if call in paused[-1:] else report_of_call
        if report_of_call.endpoint is not Endpoint.COMMERCE and _let_in(call):
            yield _reported(store_id, Endpoint.ALL, call, shift)
    if pause is not None and not paused:
        yield CallReport(store_id, Endpoint(pause.endpoint), ended_at, ended_at, pause=pause)


def _of(store_id: int, call: Call, shift: timedelta) -> CallReport:
    status = call.status
    circuit_open = status is None or status >= _SERVER_ERROR
    # An answer that is too large is valid; the request asked for too much.
    too_large = call.failure == calls.ANSWER_TOO_LARGE
    unreadable = call.failure is not None and not too_large and (status or 0) < _CLIENT_ERROR
    ended_at = call.ended_at + shift
    return CallReport(
        store_id=store_id,
        endpoint=endpoint_of(call.operation),
        began_at=call.started_at + shift,
        ended_at=ended_at,
        answered=status is not None,
        failed=circuit_open or unreadable,
        served=status is not None and _OK <= status < _SERVER_ERROR and call.failure is None,
        tokens=call.tokens_left,
        replenish_at=ended_at + call.replenish_in if call.replenish_in is not None else None,
    )


def _let_in(call: Call) -> bool:
    """Whether the answer shows that Walmart accepts the store's credentials."""
    return call.operation != "token" and call.error_class in _LET_IN


def _reported(store_id: int, endpoint: Endpoint, call: Call, shift: timedelta) -> CallReport:
    return CallReport(
        store_id, endpoint, call.started_at + shift, call.ended_at + shift, served=True
    )
