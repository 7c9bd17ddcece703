"""What a merchant reads for a status detail and for an event of a timeline.

Each code of docs/errors.md has a sentence, what to do, and a button (`order_codes.py`,
`commerce_codes.py`); each word of docs/timeline.md has a sentence (`event_words.py`). Tests compare
the lists. English is in the source, the translations are in `locale/*/codes.po`. A sentence names
Walmart, Commerce or Waybill, and neither a path nor a code.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.storage.queries.views import StatusDetail
from app.web.page import formats
from app.web.page.commerce_codes import COMMERCE_CODES
from app.web.page.event_words import EVENTS
from app.web.page.i18n import deferred
from app.web.page.order_codes import ORDER_CODES
from app.web.page.said import CodeWords, EventWords, Leads, Said
from app.web.page.viewer import Viewer, viewing

CODES: Final[Mapping[str, CodeWords]] = {**ORDER_CODES, **COMMERCE_CODES}
# Of a newer release, which this one does not know.
_OTHER_CODE = CodeWords(
    deferred("Something needs a person."),
    deferred("Compare the order in Seller Center, then try again or settle it."),
    deferred("Open in Seller Center"),
    Leads.SELLER_CENTER,
)
_OTHER_EVENT = EventWords("info", "", deferred("Something happened"))
_NAMED = re.compile(r"%\((\w+)\)s")


def code_words(code: str) -> CodeWords:
    """The words of a code."""
    return CODES.get(code, _OTHER_CODE)


def said(detail: StatusDetail, viewer: Viewer) -> Said:
    """What a person reads for a status detail."""
    with viewing(viewer):
        words, values = code_words(detail.code), _values(detail)
    return Said(
        _filled(viewer, words.exact, values) or viewer.gettext(words.sentence),
        viewer.gettext(words.todo),
        _button(words, detail, values, viewer),
        words.leads,
    )


def event_words(what: str) -> EventWords:
    """The words of an event."""
    return EVENTS.get(what, _OTHER_EVENT)


def happened(what: str, detail: Mapping[str, Any], viewer: Viewer) -> tuple[str, str | None]:
    """What a person reads for an event: a sentence, and a second line where it has one."""
    words = event_words(what)
    first = _filled(viewer, words.sentence, detail)
    if first is None:
        bare = _NAMED.sub("", viewer.raw(words.sentence))
        first = " ".join(bare.split())
    return first, _filled(viewer, words.more, detail)


def _button(
    words: CodeWords, detail: StatusDetail, values: Mapping[str, Any], viewer: Viewer
) -> str:
    """The exact button needs no further value of a person."""
    ready = detail.fix is not None and not detail.fix.needs
    exact = _filled(viewer, words.exact_button, values) if ready else None
    return exact or viewer.gettext(words.button)


def _values(detail: StatusDetail) -> dict[str, Any]:
    known: dict[str, Any] = {**detail.params}
    known |= {"line_number": detail.line_number, "units": detail.units}
    if isinstance(seconds := known.get("seconds"), int | float):
        known["duration"] = formats.duration(seconds)
    return known


def _filled(viewer: Viewer, text: str | None, values: Mapping[str, Any]) -> str | None:
    """A text with its values. None: there is no text, or one of its values is not known."""
    if text is None or any(values.get(name) in (None, "") for name in _NAMED.findall(text)):
        return None
    return viewer.gettext(text, **values)
