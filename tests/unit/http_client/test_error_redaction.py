import json
from datetime import UTC, datetime

import pytest

from app.http_client.call import ANSWER_UNREADABLE, ApiError, Call
from app.http_client.error_redaction import NOT_KEPT, known, reworded, without
from app.http_client.redaction import REMOVED

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SAID = "Sam Sample of 1 Example Street"


def a_call(
    response: str,
    *said: str,
    status: int = 500,
    failure: str | None = None,
    operation: str = "ship",
) -> Call:
    return Call(
        operation=operation,
        method="POST",
        path="/v3/orders/1/shipping",
        started_at=NOW,
        ended_at=NOW,
        correlation_id="c",
        request="{}",
        status=status,
        response=response,
        codes=(),
        failure=failure,
        tokens_left=None,
        replenish_in=None,
        faults=tuple(ApiError("SYSTEM_ERROR", "data", each) for each in said),
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "System error",
        "Invalid Request.",
        "The consumer isn't authorized to access Magento_Sales::actions_view.",
        "Internal Error. Details are available in Magento log file. Report ID: webapi-5f1c2",
    ],
)
def test_a_sentence_without_names_is_known(sentence: str) -> None:
    assert known(sentence)


@pytest.mark.parametrize("sentence", [SAID, f"System error: {SAID}", "authorized Sam Sample"])
def test_any_other_sentence_is_unknown(sentence: str) -> None:
    assert not known(sentence)


def test_the_codes_and_the_known_sentences_of_an_error_are_kept() -> None:
    error = {
        "code": "SYSTEM_ERROR.GMP_ORDER_API",
        "field": "data",
        "description": "System error",
        "info": SAID,
        "category": "SYSTEM",
        "causes": [{"code": "C", "description": SAID, "zip": 72712}],
    }
    kept = without(a_call(json.dumps({"errors": {"error": [error]}}), "System error"))
    assert json.loads(kept.response or "") == {
        "errors": {
            "error": [
                {
                    **error,
                    "info": REMOVED,
                    "causes": [{"code": "C", "description": REMOVED, "zip": REMOVED}],
                }
            ]
        }
    }
    assert kept.faults == (ApiError("SYSTEM_ERROR", "data", "System error"),)


def test_the_field_and_the_code_of_an_unknown_sentence_are_kept() -> None:
    assert without(a_call("{}", SAID)).faults == (ApiError("SYSTEM_ERROR", "data", None),)


@pytest.mark.parametrize("body", [f"<html>{SAID}</html>", "[" * 4000, '{"a": "cut'])
@pytest.mark.parametrize(
    ("status", "failure"), [(500, None), (302, None), (200, ANSWER_UNREADABLE)]
)
def test_nothing_is_kept_of_an_answer_that_is_not_json(
    body: str, status: int, failure: str | None
) -> None:
    assert without(a_call(body, status=status, failure=failure)).response == NOT_KEPT


@pytest.mark.parametrize(("status", "operation"), [(200, "ship"), (401, "token")])
def test_a_call_without_names_is_kept_unchanged(status: int, operation: str) -> None:
    call = a_call(SAID, status=status, operation=operation)
    assert without(call) == call


def test_our_own_text_is_kept_without_the_sentences_quoted_in_it() -> None:
    calls = [a_call("", SAID, f"{SAID}, AR", "System error")]
    assert reworded(f"Commerce answered 500; {SAID}, AR", calls) == (
        f"Commerce answered 500; {NOT_KEPT}"
    )
    assert reworded("System error", calls) == "System error"


def test_short_sentences_do_not_lengthen_the_text() -> None:
    assert len(reworded("answer " * 100, [a_call("", *"answer")])) <= 1000
