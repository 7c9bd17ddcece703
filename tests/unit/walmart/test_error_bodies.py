import pytest

from app.http_client.call import ApiError
from app.walmart.error_bodies import faults_in, faults_of, faults_of_xml
from tests.unit.http_client.hostile import PIECES, text_of, work

ONE = {"code": "A.B", "field": "data", "description": "No"}
READ = (ApiError("A.B", "data", "No"),)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": {"error": [ONE]}},
        {"errors": {"error": ONE}},
        {"error": [ONE]},
        {"error": ONE},
        {"errors": [ONE]},
        {"errors": ONE},
        {"list": {"errors": [ONE], "meta": {}}},
        {"list": {"errors": {"error": [ONE]}}},
        {"ns4:errors": {"ns4:error": [ONE]}},
        [ONE],
        {"errors": [{"code": "A.B", "field": "data", "message": "No", "severity": "ERROR"}]},
    ],
)
def test_every_shape_of_an_error_is_read(body: object) -> None:
    assert faults_of(body) == READ


def test_a_problem_document_is_read() -> None:
    body = {"type": "about:blank", "title": "Bad", "status": 400, "detail": "No such carrier"}
    assert faults_of(body) == (ApiError(description="No such carrier"),)


def test_an_oauth_error_is_read() -> None:
    body = {"error": "invalid_client", "error_description": "Unknown client"}
    assert faults_of(body) == (ApiError("invalid_client", description="Unknown client"),)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"message": "No such carrier"}, ""),
        ({"code": "A.B", "message": "No such carrier"}, "A.B"),
        ({"statusCode": 400, "description": "No such carrier", "errors": []}, ""),
        ({"ns4:message": "No such carrier"}, ""),
    ],
)
def test_an_answer_that_has_only_a_message_keeps_it(body: object, code: str) -> None:
    assert faults_in(body, "", 400) == (ApiError(code, description="No such carrier"),)


def test_the_message_of_a_success_is_no_error() -> None:
    """As Walmart answers the end of a subscription (us-notifications, deleteSubscription)."""
    body = {"subscriptionId": "1", "message": "Successfully deleted subscription"}
    assert faults_in(body, "", 200) == ()
    assert faults_in({"message": None}, "", 400) == faults_in(["No"], "", 400) == ()


def test_causes_are_read() -> None:
    assert faults_of({"errors": [{**ONE, "causes": [{"code": "C"}]}]})[0].has_causes
    assert not faults_of({"errors": [{**ONE, "causes": []}]})[0].has_causes


def test_an_xml_error_is_read_with_or_without_prefix() -> None:
    for prefix in ("", "ns4:"):
        body = (
            f"<?xml version='1.0'?><{prefix}errors><{prefix}error><{prefix}code>A.B</{prefix}code>"
            f"<{prefix}field>data</{prefix}field><{prefix}description>No</{prefix}description>"
            f"<{prefix}causes/></{prefix}error></{prefix}errors>"
        )
        assert faults_of_xml(body) == READ


def test_an_xml_errors_own_code_wins_over_those_of_its_causes() -> None:
    body = "<error><code>A</code><causes><cause><code>B</code></cause></causes></error>"
    assert faults_of_xml(body) == (ApiError("A", has_causes=True),)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "text",
        7,
        [],
        {},
        {"order": {"purchaseOrderId": "1"}},
        {"errors": []},
        {"errors": None},
        {"errors": {"error": []}},
        {"list": {"elements": {"order": []}}},
        {"access_token": "t", "token_type": "Bearer", "expires_in": 900},
    ],
)
def test_a_body_without_errors_has_none(body: object) -> None:
    assert faults_of(body) == ()


def test_an_html_page_is_not_an_xml_error() -> None:
    assert faults_of_xml("<html><body><h1>502 Bad Gateway</h1></body></html>") == ()


def test_a_buyers_email_is_redacted_in_a_description() -> None:
    assert faults_of({"errors": [{"code": "A", "description": "for canary@shop.example"}]}) == (
        ApiError("A", description="for [removed]"),
    )


def test_an_empty_element_does_not_hide_the_following_ones() -> None:
    body = "<error><code/><code>A</code><cause/><error/><field >data</field></error><error>"
    assert faults_of_xml(body) == (ApiError("A", "data", has_causes=True),)


@pytest.mark.parametrize("piece", PIECES)
def test_the_cost_of_hostile_xml_grows_linearly(piece: str) -> None:
    short, long = text_of(piece, 4_000), text_of(piece, 32_000)
    # 8 times where it is linear, 64 times where each tag searches the text to its end.
    assert work(lambda: faults_of_xml(long)) < 32 * work(lambda: faults_of_xml(short))


def test_only_the_first_of_thousands_of_errors_are_read() -> None:
    assert len(faults_of({"errors": [ONE] * 50_000})) == 100
    assert len(faults_of_xml("<error><code>A</code></error>" * 50_000)) == 100


def test_endlessly_nested_errors_are_ignored() -> None:
    nested: object = ONE
    for _ in range(500):
        nested = [nested]
    assert faults_of({"errors": nested}) == ()
