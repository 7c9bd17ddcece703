from datetime import timedelta

import pytest

from app.http_client import call as calls
from app.http_client.call import ApiError
from app.walmart import errors
from app.walmart.errors import error_of
from tests.unit.walmart.builders import a_call

OUTAGE = ApiError("INVALID_REQUEST.GMP_ORDER_API", "data", "Invalid Request")

STATUS_AND_CODES: list[tuple[int, list[str], type[errors.WalmartError]]] = [
    (100, [], errors.CallUnclear),
    (206, [], errors.CallUnclear),
    (206, ["SOME_CONTENT_NOT_FOUND.GMP_ORDER_API"], errors.CallUnclear),
    (200, ["SYSTEM_ERROR.GMP_ORDER_API"], errors.CallUnclear),
    (301, [], errors.Misconfigured),
    (302, [], errors.CallUnclear),
    (303, [], errors.CallUnclear),
    (307, [], errors.Misconfigured),
    (308, [], errors.Misconfigured),
    (400, [], errors.CallRefused),
    (400, ["INVALID_REQUEST.GMP_ORDER_API"], errors.CallRefused),
    (400, ["INVALID_REQUEST_HEADER.GMP_ORDER_API"], errors.CallRefused),
    (400, ["INVALID_REQUEST_PARAM.GMP_ORDER_API"], errors.CallRefused),
    (400, ["INVALID_REQUEST_CONTENT.GMP_ORDER_API"], errors.CallRefused),
    (400, ["MALFORMED_REQUEST_CONTENT"], errors.CallRefused),
    (400, ["INVALID_TOKEN.GMP_GATEWAY_API"], errors.CredentialsRejected),
    (400, ["UNAUTHORIZED.GMP_GATEWAY_API"], errors.CredentialsRejected),
    (400, ["REQUEST_THRESHOLD_VIOLATED.GMP_GATEWAY_API"], errors.Throttled),
    (400, ["500.SYSTEM_ERROR"], errors.CallUnclear),
    (400, ["INVALID_REQUEST_CONTENT.GMP_ORDER_API", "SYSTEM_ERROR"], errors.CallUnclear),
    (401, [], errors.CredentialsRejected),
    (401, ["UNAUTHORIZED"], errors.CredentialsRejected),
    (403, [], errors.Misconfigured),
    (403, ["FORBIDDEN.GMP_GATEWAY_API"], errors.Misconfigured),
    (404, ["CONTENT_NOT_FOUND.GMP_ORDER_API"], errors.NotFound),
    (404, ["URI_NOT_FOUND.GMP_GATEWAY_API"], errors.Misconfigured),
    (404, [], errors.CallRefused),
    (405, ["METHOD_NOT_ALLOWED"], errors.Misconfigured),
    (406, ["INVALID_ACCEPT_TYPE"], errors.Misconfigured),
    (407, [], errors.Misconfigured),
    (408, [], errors.CallUnclear),
    (409, [], errors.CallRefused),
    (410, [], errors.CallRefused),
    (413, [], errors.CallRefused),
    (415, ["UNSUPPORTED_MEDIA_TYPE"], errors.Misconfigured),
    (418, ["NEVER_HEARD_OF"], errors.CallRefused),
    (422, [], errors.CallRefused),
    (423, ["RESOURCE_IS_LOCKED.GMP_RECEIVER_API"], errors.Unavailable),
    (423, [], errors.Unavailable),
    (429, [], errors.Throttled),
    (429, ["REQUEST_THRESHOLD_VIOLATED.GMP_GATEWAY_API"], errors.Throttled),
    (499, [], errors.CallUnclear),
    (500, ["SYSTEM_ERROR"], errors.CallUnclear),
    (500, ["INVALID_SYSTEM_STATE"], errors.CallUnclear),
    (500, ["INVALID_REQUEST_CONTENT.GMP_ORDER_API"], errors.CallUnclear),
    (502, [], errors.CallUnclear),
    (503, [], errors.CallUnclear),
    (504, ["DOWNSTREAM_SYSTEM_TIME_OUT"], errors.CallUnclear),
    (520, [], errors.CallUnclear),
    (999, [], errors.CallUnclear),
]


@pytest.mark.parametrize(("status", "codes", "expected"), STATUS_AND_CODES)
def test_every_status_and_code_has_its_error(
    status: int, codes: list[str], expected: type[errors.WalmartError]
) -> None:
    assert type(error_of(a_call(status, *map(ApiError, codes)))) is expected


@pytest.mark.parametrize("word", sorted(calls.NEVER_LEFT))
def test_a_call_that_never_left_is_not_sent(word: str) -> None:
    assert type(error_of(a_call(None, failure=word))) is errors.NotSent


@pytest.mark.parametrize(
    "word",
    [calls.DEADLINE, calls.READ_TIMEOUT, calls.WRITE_TIMEOUT, calls.CONNECTION_LOST],
)
@pytest.mark.parametrize("status", [None, 200, 400, 404, 503])
def test_a_call_that_may_have_left_without_a_whole_answer_is_unclear(
    word: str, status: int | None
) -> None:
    assert type(error_of(a_call(status, failure=word))) is errors.CallUnclear


@pytest.mark.parametrize("word", [calls.ANSWER_UNREADABLE, calls.ANSWER_TOO_LARGE])
@pytest.mark.parametrize("status", [200, 400, 404, 409, 422])
def test_an_unreadable_answer_is_unclear(word: str, status: int) -> None:
    assert type(error_of(a_call(status, failure=word))) is errors.CallUnclear


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, errors.CredentialsRejected),
        (403, errors.Misconfigured),
        (415, errors.Misconfigured),
        (423, errors.Unavailable),
        (429, errors.Throttled),
    ],
)
def test_a_status_that_excludes_any_effect_needs_no_readable_body(
    status: int, expected: type[errors.WalmartError]
) -> None:
    assert type(error_of(a_call(status, failure=calls.ANSWER_UNREADABLE))) is expected


def test_a_success_is_not_an_error() -> None:
    assert error_of(a_call(200)) is None
    assert error_of(a_call(201)) is None


def test_walmarts_outage_shape_is_unavailable() -> None:
    assert type(error_of(a_call(400, OUTAGE))) is errors.Unavailable


@pytest.mark.parametrize(
    "fault",
    [
        ApiError("INVALID_REQUEST.GMP_ORDER_API", "data", "Invalid Request", has_causes=True),
        ApiError("INVALID_REQUEST.GMP_ORDER_API", "methodCode", "Invalid Request"),
        ApiError("INVALID_REQUEST.GMP_ORDER_API", "data", "Invalid Date format value"),
        ApiError("INVALID_REQUEST_CONTENT.GMP_ORDER_API", "data", "Invalid Request"),
    ],
)
def test_anything_but_the_exact_outage_shape_is_a_refusal(fault: ApiError) -> None:
    assert type(error_of(a_call(400, fault))) is errors.CallRefused
    assert type(error_of(a_call(400, OUTAGE, fault))) is errors.CallRefused


def test_a_refusal_keeps_walmarts_text() -> None:
    fault = ApiError("INVALID_REQUEST_CONTENT.GMP_ORDER_API", "methodCode", "Not supported")
    error = error_of(a_call(400, ApiError("INFO_ONLY"), fault))
    assert error is not None
    assert error.codes == ("INFO_ONLY", "INVALID_REQUEST_CONTENT.GMP_ORDER_API")
    assert (error.field, error.description) == ("methodCode", "Not supported")
    assert "400" in str(error)
    assert "INVALID_REQUEST_CONTENT.GMP_ORDER_API (methodCode)" in str(error)


def test_the_logged_text_of_an_error_omits_sentences_that_may_name_the_buyer() -> None:
    echo = ApiError("INVALID_REQUEST_CONTENT.GMP_ORDER_API", "data", "No such buyer: Erika Muster")
    error = error_of(a_call(400, echo, ApiError("UNAUTHORIZED", description="System error.")))
    assert error is not None
    assert "Erika" not in str(error)
    assert "INVALID_REQUEST_CONTENT.GMP_ORDER_API (data); UNAUTHORIZED: System error." in str(error)
    assert error.description == "No such buyer: Erika Muster"


def test_a_throttled_call_says_when_to_retry() -> None:
    error = error_of(a_call(429, replenish_in=timedelta(seconds=12)))
    assert isinstance(error, errors.Throttled)
    assert error.retry_after == timedelta(seconds=12)


def test_an_error_without_evidence_has_empty_facts() -> None:
    error = errors.Throttled("wait")
    assert (error.codes, error.field, error.description) == ((), None, None)
    assert error.retry_after is None
