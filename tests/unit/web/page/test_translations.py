"""Every text of the page is translated, with the same values in it."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from app.web.page import i18n

PAGE = Path(i18n.__file__).parent
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
KEYWORDS = {
    "_": None, "gettext": None, "deferred": None, "raw": None,
    "ngettext": (1, 2), "raw_plural": (1, 2),
}  # fmt: skip
OPTIONS = {"templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"}}
OTHERS = [locale for locale in i18n.LANGUAGES if locale != i18n.DEFAULT]
Texts = tuple[str, ...]


def texts() -> dict[Texts, str]:
    """Each text with a place where it is used. A text with a plural is a pair."""
    found: dict[Texts, str] = {}
    for file, line, message, _, _ in extract_from_dir(
        str(PAGE), METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True
    ):
        forms = message if isinstance(message, tuple) else (message,)
        found[tuple(forms)] = f"{file}:{line}"
    return found


def catalogs(locale: str) -> Iterator[tuple[str, Catalog]]:
    for file in sorted((PAGE / "locale" / locale).glob("*.po")):
        with file.open("rb") as opened:
            yield file.name, read_po(opened, locale=locale, abort_invalid=True)


def translated(locale: str) -> dict[str, Texts]:
    """Each translated text by its first form."""
    found: dict[str, Texts] = {}
    for _, catalog in catalogs(locale):
        for message in catalog:
            if message.id and message.string and not message.fuzzy:
                first = message.id if isinstance(message.id, str) else message.id[0]
                forms = message.string
                found[first] = (forms,) if isinstance(forms, str) else tuple(forms)
    return found


@pytest.mark.parametrize("locale", OTHERS)
def test_every_text_is_translated(locale: str) -> None:
    known = translated(locale)
    missing = {
        forms[0]: place for forms, place in texts().items() if not all(known.get(forms[0], ("",)))
    }
    assert missing == {}


@pytest.mark.parametrize("locale", OTHERS)
def test_a_translation_has_the_values_of_its_text(locale: str) -> None:
    known = translated(locale)
    wrong = {}
    for forms in texts():
        values = values_in(forms[-1])
        *few, most = known.get(forms[0], (forms[-1],))
        # The form for one may leave the number out.
        if values_in(most) != values or any(values_in(form) - values for form in few):
            wrong[forms[0]] = most
    assert wrong == {}


def test_no_line_of_french_begins_with_a_colon_or_ends_with_an_opening_mark() -> None:
    forms = [form for each in translated("fr_CA").values() for form in each]
    assert [form for form in forms if re.search(" [:»]|« ", form)] == []


@pytest.mark.parametrize("locale", OTHERS)
def test_a_text_is_translated_in_one_way(locale: str) -> None:
    """Pages have files of their own, and a text that two of them have must not differ."""
    ways = defaultdict[str, set[object]](set)
    for _, catalog in catalogs(locale):
        for message in catalog:
            if message.id:
                ways[str(message.id)].add(message.string)
    assert {text: found for text, found in ways.items() if len(found) > 1} == {}


def values_in(text: str) -> set[str]:
    """The names of the values in a text; `%` stands for a percent sign that is written once."""
    bare = text.replace("%%", "")
    named = set(re.findall(r"%\((\w+)\)", bare))
    return named | ({"%"} if "%" in re.sub(r"%\(\w+\)[sd]", "", bare) else set())


def test_spanish_addresses_everybody_as_usted() -> None:
    """In Mexico a merchant's program says usted; a mixture with tú reads as a mistake."""
    familiar = re.compile(
        r"\b(tú|tu|tus|te|ti|tuyo|tuya|tienes|puedes|debes|hiciste|\w+(énta|érra|ára|íge)l[oa]s?)\b"
        r"|(^|[.;] )(Elige|Escribe|Compara|Cierra|Agrega|Conecta|Define|Reembolsa|Haz|Da) ",
        re.IGNORECASE,
    )
    found = [
        text for forms in translated("es_MX").values() for text in forms if familiar.search(text)
    ]
    assert found == []
