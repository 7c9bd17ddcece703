import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commerce.errors import faults_in
from app.http_client.redaction import MAX_CHARACTERS, MOST_EVIDENCE, hide, redact, scrub, words
from app.walmart.buyer_parser import private_words
from app.walmart.error_bodies import faults_of
from tests.unit.http_client.hostile import PIECES, text_of, work
from tests.unit.walmart.builders import a_line, an_order

PRIVATE = ("canary", "Canary", "2025550100", "62701")


def leaks(text: str) -> list[str]:
    return [word for word in PRIVATE if word in text]


def test_an_order_is_kept_without_its_buyer() -> None:
    kept = redact(json.dumps(an_order()))
    assert leaks(kept) == []
    order = json.loads(kept)["order"]
    assert order["purchaseOrderId"] == "1796330120075"
    assert order["orderLines"]["orderLine"][0]["item"]["sku"] == "SKU-1"
    assert order["shippingInfo"]["estimatedShipDate"] == 1795600000000


def test_the_fields_of_a_shipment_are_kept() -> None:
    tracking = {"carrierName": {"carrier": "UPS"}, "trackingNumber": "1Z999AA10123456784"}
    assert json.loads(redact(json.dumps(tracking))) == tracking


@pytest.mark.parametrize("length", range(1, 700, 13))
def test_a_cut_order_is_kept_without_its_buyer(length: int) -> None:
    assert leaks(redact(json.dumps(an_order())[:length])) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"access_token":"canary-token","expires_in":900}',
        '{"access_token":"canary-tok',
        "<OAuthTokenDTO><accessToken>canary-token</accessToken></OAuthTokenDTO>",
        "<ns2:postalAddress><ns2:address1>1 Canary Street</ns2:address1></ns2:postalAddress>",
        "<html>Please write to canary@shop.example or call (202) 555-0100</html>",
        "grant_type=refresh_token&refresh_token=canary-token",
        "{'customerEmailId': 'canary@shop.example', 'name': 'Canary'}",
        "Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==, canary@a.example",
        '{"description":"sent to canary@shop.example"}',
    ],
)
def test_no_token_and_no_buyer_survives_in_any_format(text: str) -> None:
    kept = redact(text)
    assert leaks(kept) == []
    assert "555-0100" not in kept
    assert "Y2FuYXJ5" not in kept


def test_known_secrets_are_removed_everywhere() -> None:
    assert redact("the key s3cret-canary was wrong", ["s3cret-canary", ""]) == (
        "the key [removed] was wrong"
    )


def test_a_long_body_is_cut() -> None:
    lines = [a_line(str(number)) for number in range(500)]
    assert len(redact(json.dumps(an_order(*lines)))) == MAX_CHARACTERS


@pytest.mark.parametrize(
    "text",
    [
        "canary@shop.example",
        "eyJhbGciOiJIUzI1NiJ9.canary.sig",
        "Basic Y2FuYXJ5OmNhbmFyeQ==",
        "Bearer canary-token.canary",
        "(202) 555-0100",
    ],
)
def test_each_kind_of_private_text_is_found_on_its_own(text: str) -> None:
    assert redact(json.dumps({"description": f"it was {text} then"})) == json.dumps(
        {"description": "it was [removed] then"}, separators=(",", ":")
    )


@given(st.text())
def test_any_input_is_kept_as_text_that_the_database_accepts(text: str) -> None:
    for kept in (redact(text), redact(json.dumps({"a": text}))):
        assert "\x00" not in kept
        assert "\\u0000" not in kept
        assert len(kept) <= MAX_CHARACTERS
        kept.encode()


def test_a_lone_surrogate_does_not_break_the_evidence() -> None:
    kept = redact('{"description":"\\ud800","postalAddress":{"state":"Canary"}}')
    kept.encode()
    assert "Canary" not in kept


@pytest.mark.parametrize(
    "body",
    [
        '{"postalAddress":{"state":"Canary"}}',
        '{"Name":["Canary"]}',
        '{"customerName":["Canary"]}',
        '{"carrierName":{"carrier":"UPS"},"ns:City":["Canary"]}',
        '{"n\\u0061me":["Canary"]}',
        '{"ADDRE\u00df":["Canary"]}',
    ],
)
def test_no_spelling_of_a_private_name_is_overlooked(body: str) -> None:
    assert "Canary" not in redact(body)


def test_a_body_without_a_private_name_is_kept_as_it_is() -> None:
    body = '{"carrierName":{"carrier":"UPS"},"amount":1.10,"codes":[]}'
    assert redact(body) == body


@pytest.mark.parametrize("text", ["a" * 100_000, "a." * 50_000, '"' * 50_000, "[" * 100_000])
def test_a_hostile_body_is_redacted(text: str) -> None:
    assert len(redact(text)) <= MAX_CHARACTERS


# Eight times the text costs eight times the work at most; a backtracking pattern costs 64 times.
LINEAR = 32


@pytest.mark.parametrize("piece", PIECES)
def test_the_cost_of_a_hostile_text_grows_linearly(piece: str) -> None:
    short, long = text_of(piece, 2_000), text_of(piece, 16_000)
    assert work(lambda: redact(long)) < LINEAR * work(lambda: redact(short))


@pytest.mark.parametrize("clean", [redact, scrub])
@pytest.mark.parametrize("piece", PIECES)
def test_the_cost_of_a_text_is_capped(piece: str, clean: Callable[[str], str]) -> None:
    short, long = text_of(piece, MOST_EVIDENCE), text_of(piece, 24 * MOST_EVIDENCE)
    assert work(lambda: clean(long)) < LINEAR / 4 * work(lambda: clean(short))


def test_the_cost_of_an_answer_with_many_keys_is_capped() -> None:
    few, many = (
        json.dumps({f"key-{number:030}": 1 for number in range(keys)}) for keys in (1_000, 60_000)
    )
    assert work(lambda: redact(many)) < LINEAR / 4 * work(lambda: redact(few))


def test_a_body_with_more_keys_than_are_read_is_kept_without_its_buyer() -> None:
    body = {"name": "Canary", **{f"k{number}": 1 for number in range(3_000)}}
    kept = redact(json.dumps(body))
    assert leaks(kept) == []
    assert '"k1": 1' in kept


PEOPLE = words(
    ["Ann Éclair", "Ann", "Éclair", None, " 1 Main Street ", "Ohio", "12", "C# Towers"],
    never=["ohio", None],
)


def test_short_words_states_and_countries_are_not_private_words() -> None:
    assert {"Ann Éclair", "Éclair", "1 Main Street", "C# Towers"} == PEOPLE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ANN ÉCLAIR of 1 main street, Ohio", "[removed] of [removed], Ohio"),
        ('{"message":"\\u00c9clair"}', '{"message":"[removed]"}'),
        ("Éclairs at 11 Main Street", "Éclairs at 11 Main Street"),
        ("(C# Towers)", "([removed])"),
        ("a.*b", "a.*b"),
    ],
)
def test_private_words_are_removed_as_whole_words_in_any_case(text: str, shown: str) -> None:
    assert hide(text, PEOPLE) == shown


SEEN = "Ann Éclair of 1 Main Street"


@pytest.mark.parametrize("seen", [SEEN, json.dumps(SEEN)[1:-1]])
def test_no_beginning_of_a_private_word_is_kept_where_a_text_is_cut(seen: str) -> None:
    for end in range(1, len(seen) + 2):
        said = ". " * MAX_CHARACTERS
        kept = hide(redact(said[: MAX_CHARACTERS - end] + seen + said), PEOPLE)
        assert set(re.findall(r"\w+", kept)) <= {"o", "of", "removed"}, kept[-40:]


def test_a_cut_description_keeps_no_beginning_of_a_private_word() -> None:
    for length in range(470, 500):
        said = f"{'a ' * 250}"[:length] + " Ann Éclair of 1 Main Street"
        (walmarts,) = faults_of({"errors": [{"code": "C", "description": said}]})
        (commerces,) = faults_in({"message": said}, "", 400)
        (filled,) = faults_in({"message": "%1!", "parameters": [said]}, "", 400)
        for fault in (walmarts, commerces, filled):
            shown = hide(f"400: {fault.description}; and more", PEOPLE)
            assert not [word for word in ("Écl", "1 M", "Str", "Ann É") if word in shown], shown


def test_a_private_word_with_a_quote_is_also_found_in_json() -> None:
    said = json.dumps({"message": 'no "Bob" Smith'})
    assert hide(said, words(['"Bob" Smith'])) == '{"message": "no [removed]"}'


def test_the_private_words_of_a_huge_buyer_record_are_capped() -> None:
    name = " ".join(f"name{number}" for number in range(200_000))
    address = {"name": name, "address1": "x" * 2_000_000}
    found = private_words({"shippingInfo": {"postalAddress": address}})
    assert len(found) == 22
    assert max(map(len, found)) <= 200
    assert {"name0", "name19", "x" * 200} <= found
    assert len(words(f"name{number}" for number in range(200_000))) == 500
