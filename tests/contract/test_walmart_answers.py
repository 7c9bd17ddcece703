"""Every row of docs/walmart-answers.md is run through the code."""

from pathlib import Path

import pytest

from app.http_client import call as calls
from app.http_client.call import ApiError
from app.walmart import errors
from tests.unit.walmart.builders import a_call

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = (ROOT / "docs" / "walmart-answers.md").read_text()
# Walmart's pages "Error codes" and "Errors" (US Marketplace), and observations of integrators.
STATUSES = {206, 400, 401, 403, 404, 405, 406, 409, 413, 415, 423, 429, 500, 503, 504, 520, 521}
CODES = {
    "SOME_CONTENT_NOT_FOUND",
    "INVALID_REQUEST",
    "INVALID_REQUEST_HEADER",
    "INVALID_REQUEST_PARAM",
    "INVALID_REQUEST_CONTENT",
    "MISSING_REQUEST_HEADER",
    "MISSING_REQUEST_PARAM",
    "MALFORMED_REQUEST_CONTENT",
    "INVALID_TOKEN",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "CONTENT_NOT_FOUND",
    "URI_NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "INVALID_ACCEPT_TYPE",
    "UNSUPPORTED_MEDIA_TYPE",
    "RESOURCE_IS_LOCKED",
    "REQUEST_THRESHOLD_VIOLATED",
    "SYSTEM_ERROR",
    "INVALID_SYSTEM_STATE",
    "DOWNSTREAM_SYSTEM_TIME_OUT",
}


def answers() -> list[tuple[str, str, str]]:
    """The rows of the table: HTTP statuses or a failure, codes, the class of error."""
    rows = [
        line.split("|")[1:4]
        for line in ANSWERS.split("how it ended")[1].splitlines()
        if line.startswith("| `")
    ]
    return [(first.strip(), codes.strip(), judged.strip()) for first, codes, judged in rows]


@pytest.mark.parametrize(("first", "codes", "judged"), answers())
def test_every_answer_of_walmart_is_classified_as_in_the_table(
    first: str, codes: str, judged: str
) -> None:
    for what in first.split("`")[1::2]:
        for code in codes.split("`")[1::2] or [""]:
            faults = [ApiError(code)] if code else []
            call = a_call(int(what), *faults) if what.isdecimal() else a_call(None, failure=what)
            assert type(errors.error_of(call)).__name__ == judged.strip("`"), (what, code)


def test_the_table_has_every_known_answer_of_walmart() -> None:
    rows = [(first.split("`")[1::2], codes.split("`")[1::2]) for first, codes, _ in answers()]
    assert {int(one) for first, _ in rows for one in first if one.isdecimal()} >= STATUSES
    assert {code.split(".")[0] for _, codes in rows for code in codes} >= CODES
    failures = {one for first, _ in rows for one in first if not one.isdecimal()}
    words = {
        value for name, value in vars(calls).items() if name.isupper() and isinstance(value, str)
    }
    assert failures == words
