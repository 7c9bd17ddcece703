"""Words of codes and events: complete, in three languages, and without technical terms."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.orders.order_event import WORDS
from app.storage.queries.views import FixView, StatusDetail
from app.web.page import words
from app.web.page.event_words import EVENTS
from app.web.page.i18n import LANGUAGES, translations
from app.web.page.viewer import Viewer
from tests.unit.domain.test_fixes import CODES

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
# Of the notifications of a store, which docs/notifications.md describes.
OF_STORES = {"notifications_failing", "notifications_given_up"}
NAMED = re.compile(r"%\((\w+)\)s")


def texts() -> Iterator[str]:
    for each in words.CODES.values():
        yield from filter(
            None, (each.sentence, each.todo, each.button, each.exact, each.exact_button)
        )
    for event in EVENTS.values():
        yield from filter(None, (event.sentence, event.more))


TEXTS = sorted(set(texts()))


def viewer(locale: str = "en_US") -> Viewer:
    return Viewer(locale, UTC, "UTC", NOW)


def detail(code: str, fix: FixView | None = None, **params: Any) -> StatusDetail:
    return StatusDetail(
        code,
        "walmart",
        "shipment",
        None,
        "",
        None,
        None,
        retryable=False,
        occurred_at=NOW,
        params=params,
        fix=fix,
    )


def test_each_code_of_the_error_table_has_words() -> None:
    assert set(words.CODES) == set(CODES) | OF_STORES


def test_each_word_of_a_timeline_has_a_sentence() -> None:
    assert set(EVENTS) == set(WORDS)


@pytest.mark.parametrize("locale", [each for each in LANGUAGES if each != "en_US"])
def test_each_text_is_translated_with_the_same_values(locale: str) -> None:
    known = translations(locale)
    for text in TEXTS:
        if NAMED.fullmatch(text):
            continue
        translated = known.gettext(text)
        assert sorted(NAMED.findall(translated)) == sorted(NAMED.findall(text)), text
        same_in_both = {"Essai"}
        assert translated != text or text.split()[0] in same_in_both, text


def test_no_text_has_a_path_or_a_code() -> None:
    codes = {*words.CODES} - {"ship"}
    for text in TEXTS:
        bare = NAMED.sub("", text)
        assert "/" not in bare
        assert "_" not in bare
        assert not codes & set(bare.split())


def test_a_sentence_names_the_values_where_all_are_known() -> None:
    fix = FixView("correct_tracking", {"carrier_code": "USPS"}, ())
    known = detail(
        "tracking_number_refused", fix, sent="UPS", expected="USPS", tracking_number="94001"
    )
    found = words.said(known, viewer())
    assert found.sentence == "94001 is a number of USPS, and it was sent as UPS."
    assert found.button == "Send as USPS"
    unknown = words.said(detail("tracking_number_refused", tracking_number="94001"), viewer())
    assert unknown.sentence == "Walmart does not take the tracking number of this package."
    assert unknown.button == "Correct the number…"


def test_seconds_are_said_as_a_duration() -> None:
    found = words.said(detail("gave_up", seconds=172_800.0), viewer("fr_CA"))
    assert found.sentence.startswith("Waybill a essayé pendant 2")


def test_a_percent_sign_in_a_value_is_shown_as_it_is() -> None:
    first, more = words.happened("update_dismissed", {"note": "100 %(x)s"}, viewer("es_MX"))
    assert (first, more) == ("Resuelto por una persona", "100 %(x)s")


def test_a_value_that_is_not_known_is_left_out_of_an_event() -> None:
    assert words.happened("shipment_confirmed", {}, viewer())[0] == "Walmart has package"


def test_a_code_of_a_newer_release_has_words_too() -> None:
    assert words.said(detail("of_tomorrow"), viewer()).sentence == "Something needs a person."
    assert words.happened("of_tomorrow", {}, viewer())[0] == "Something happened"
