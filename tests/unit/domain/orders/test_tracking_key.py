"""Invisible characters of a tracking number are neither sent nor compared."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import shipping
from app.domain.orders.tracking_key import looks_like_two, tracking_key, visible
from tests.builders import an_order

NUMBER = "1Z999AA10123456784"
# By the Unicode Character Database: white space, format characters and dashes.
INVISIBLE = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if chr(code).isspace() or unicodedata.category(chr(code)) == "Cf"
]
HYPHENS = [
    *(chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Pd"),
    "\N{MINUS SIGN}",
    "\N{HYPHEN BULLET}",
]


def codes(number: str) -> list[tuple[str, str]]:
    found = shipping.tracking_problems(an_order(), number)
    return [(problem.code, problem.message) for problem in found]


@pytest.mark.parametrize("junk", INVISIBLE, ids=lambda each: f"{ord(each):04x}")
def test_an_invisible_character_is_dropped_at_any_position(junk: str) -> None:
    for number in (junk + NUMBER, NUMBER + junk, f"{NUMBER[:2]}{junk}{NUMBER[2:]}", junk * 50):
        assert tracking_key(number) in {NUMBER, ""}
    assert codes(f"{junk}{NUMBER[:2]}{junk}{NUMBER[2:]}{junk}") == []


@pytest.mark.parametrize("hyphen", HYPHENS, ids=lambda each: f"{ord(each):04x}")
def test_every_unicode_hyphen_is_a_hyphen(hyphen: str) -> None:
    number = f"1Z{hyphen}999AA1{hyphen}0123456784"
    assert tracking_key(number) == NUMBER
    assert visible(number) == "1Z-999AA1-0123456784"
    assert codes(number) == []


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\t", "\v", "\f", "\x85", "\u2028", " \n \u200b"])
def test_a_break_between_two_runs_of_eight_looks_like_two_numbers(gap: str) -> None:
    for number in (
        f"{NUMBER}{gap}9400111899223197428497",
        f"12345678{gap}12345678",
        f"1234-5678{gap}{gap}12 34 56 78{gap}",
        f"12345678{gap}1234{gap}12345678",
    ):
        assert looks_like_two(number)
        ((code, message),) = codes(number)
        assert (code, message[:26]) == ("tracking_number_invalid", "It looks like two numbers:")


@pytest.mark.parametrize("gap", ["\n", "\t"])
def test_a_break_beside_a_shorter_run_is_white_space(gap: str) -> None:
    for number in (f"{gap}{NUMBER}{gap}", f"1Z{gap}999AA10123456784", f"1234567{gap}12345678"):
        assert codes(number) == []


def test_spaces_between_two_long_runs_are_one_number() -> None:
    assert codes("92001902 55101000 12345678") == []


@pytest.mark.parametrize(
    "number", ["1Z\x07999", "\uff11\uff12\uff13", "1Z·999", "\u017f1", "\u01311"]
)
def test_other_characters_are_refused(number: str) -> None:
    assert [code for code, _ in codes(number)] == ["tracking_number_invalid"]


@pytest.mark.parametrize("number", ["", " ", "\u200b", "\ufeff \u2060", "\n", "\u2011-"])
def test_a_text_without_visible_characters_is_not_a_number(number: str) -> None:
    assert [code for code, _ in codes(number)] == ["tracking_number_required"]


def test_dropped_characters_do_not_count_towards_the_length() -> None:
    assert codes("\u200b" * 100 + "1" * 60) == []
    assert [code for code, _ in codes("1" * 61)] == ["tracking_number_invalid"]


@given(st.text("0123456789AZaz -\u00a0\u2011\n\t", max_size=40))
def test_the_key_of_a_key_is_the_key(number: str) -> None:
    assert tracking_key(tracking_key(number)) == tracking_key(visible(number))
