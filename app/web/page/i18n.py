"""The languages of the page: English in the source, translations in `locale/`.

Each page has its own file of translations for each language, `locale/<language>/<page>.po`. They
are read at the first use. A text with a percent sign writes it twice, as gettext's values are
`%(name)s`.
"""

import functools
import io
from collections.abc import Mapping
from gettext import NullTranslations
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

LOCALE = Path(__file__).parent / "locale"
DEFAULT = "en_US"
LANGUAGES: Mapping[str, str] = {"en_US": "English", "es_MX": "Español", "fr_CA": "Français"}
"""Languages by locale, each named in itself."""
COOKIE = "waybill-language"
# A quality that a browser gives a language; more decimals than these are not valid.
_MOST_LANGUAGES = 20


def deferred(text: str) -> str:
    """Mark a text for translation that is translated later, where a person is known."""
    return text


@functools.cache
def translations(locale: str) -> NullTranslations:
    """The translations of a locale, from all its files. English needs none."""
    found = NullTranslations()
    for file in sorted((LOCALE / locale).glob("*.po")):
        with file.open("rb") as opened:
            catalog = read_po(opened, locale=locale)
        compiled = io.BytesIO()
        write_mo(compiled, catalog)
        compiled.seek(0)
        read = Translations(compiled)
        if isinstance(found, Translations):
            found.merge(read)
        else:
            found = read
    return found


def locale_of(request: Request) -> str:
    """The locale of a person: the chosen one, else the browser's first that the page has."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else _accepted(request.headers.get("accept-language", ""))


def _accepted(header: str) -> str:
    given = []
    for part in header.split(",")[:_MOST_LANGUAGES]:
        tag, _, quality = part.strip().partition(";q=")
        given.append((-_number(quality), tag.split("-")[0].lower()))
    for _, language in sorted(given, key=lambda each: each[0]):
        for locale in LANGUAGES:
            if locale.startswith(f"{language}_"):
                return locale
    return DEFAULT


def _number(quality: str) -> float:
    try:
        return float(quality or 1)
    except ValueError:
        return 0.0
