"""Redaction of bodies before they are kept: tokens, secrets, and the buyer's personal data.

Walmart's orders contain the buyer's name, address, phone and e-mail. JSON is redacted by the names
of its fields; anything else (a cut body, XML, a gateway's HTML page) by patterns.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from pydantic_core import from_json, to_json

from app.http_client.call import Call

MAX_CHARACTERS = 4096
REMOVED = "[removed]"
_CUT = "…"
# A body up to this size is redacted as JSON. Of a larger one, only the head is, by patterns.
MOST_EVIDENCE = 64 * 1024
_MOST_KEYS = 2000
# The shortest value that is hidden; a shorter one is too often part of something else.
_SHORTEST = 4
# The search for values costs their number times their length; no buyer has more or longer ones.
_LONGEST, _MOST_PARTS, _MOST_WORDS = 200, 20, 500
# JSON may write six characters for one.
_LONGEST_FORM = 6 * _LONGEST
_WORD_BEGINS = re.compile(r"(?<!\w)\S")
# Patterns scan only so much of a body: far less of it is kept.
_SCANNED = 4 * MAX_CHARACTERS

# mutation: buyer-on-way-to-commerce
_PARTS = (
    "address", "phone", "mail", "token", "secret", "passw", "authoriz", "credential", "cookie",
    "buyer", "person", "recipient", "postal", "postcode", "zip", "firstname", "lastname",
)  # fmt: skip
_WHOLE = re.compile(
    r"(?:(?:first|last|middle|full|complete|customer)?_?name|city|street)", re.IGNORECASE
)
_OF_FORMS = ("token", "secret", "password")
# A text without any of these has no private name: looking for them is cheaper than reading it as
# JSON. A backslash may be part of a name in JSON, and JSON with spaces is to be written without.
_NEEDLES = (*_PARTS, "city", "street", "\\", '": ')
# A carrier's name is in every shipment, and not private.
_NAME = re.compile("name(?<!carriername)")
# Linear time for any text: repetitions are possessive (no backtracking), and what repeats cannot
# begin again within itself.
_JSON_PAIR = re.compile(
    r"""((["'])([^"']*+)["']\s*+:\s*+)"""
    r"""(?:"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[^\s,}\]{\["']++)"""
)
# mutation: redaction-without-backtracking
_XML_ELEMENT = re.compile(r"(<([\w.:-]++)(?:\s[^<>]*+)?>)[^<]++")
_FORM_PAIR = re.compile(r"(?<![\w.-])(([\w.-]++)\s*+[=:]\s*+)[^\s&\"'<>,;]++")
# Each pattern with a text that every match contains: searching for that first is cheap.
# mutation: web-token-redaction
_FREE_TEXT = (
    # An e-mail address.
    ("@", re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++")),
    ("eyJ", re.compile(r"\beyJ[\w-]{8,}+(?:\.[\w-]*+)*+")),  # a JSON web token
    ("Basic", re.compile(r"\bBasic\s++[\w.~+/-]{8,}+=*+")),
    ("Bearer", re.compile(r"\bBearer\s++[\w.~+/-]{8,}+=*+")),
)
# A formatted phone number, and the end that each of them has.
_PHONE_ENDS = re.compile(r"[ .-]\d{4}\b(?<=\d{3}[ .-]\d{4})")
_PHONE = re.compile(r"(?:\+1[ .-]?)?(?:\(\d{3}\)\s?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b")
_HOLDERS = frozenset({dict, list})
# Creating an encoder costs as much as encoding a short text.
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Redact a body and cut it to 4096 characters.

    NUL characters, which PostgreSQL does not store, are removed too. secrets are literal strings to
    remove. Apart from the search for these, the cost is bounded for any body, however large.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, REMOVED)
    return cut(scrub(_cleaned(text)), MAX_CHARACTERS)


def cut(text: str, most: int) -> str:
    """Cut a text that is too long, and mark the cut: it may be within a private value."""
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def words(values: Iterable[str | None], *, never: Iterable[str | None] = ()) -> frozenset[str]:
    """Return the values to hide: those of at least four characters, without those in `never`.

    A value over 200 characters is cut after a word; of many values, the first 500 are returned.
    """
    shown = {each.strip().casefold() for each in never if each}
    found = (_short(each.strip()) for each in values if each)
    hidden = (each for each in found if len(each) >= _SHORTEST and each.casefold() not in shown)
    return frozenset(islice(dict.fromkeys(hidden), _MOST_WORDS))


def _short(value: str) -> str:
    """Cut a value after the last whole word within 200 characters."""
    # mutation: endless-value-redaction
    if len(value) <= _LONGEST:
        return value
    return value[: _LONGEST + 1].rsplit(maxsplit=1)[0][:_LONGEST]


def parts_of(name: str) -> tuple[str, ...]:
    """Return a name, and the first 20 of its words."""
    # mutation: endless-name-redaction
    return (name, *name[:_LONGEST].split()[:_MOST_PARTS])


def hide(text: str, private: Collection[str]) -> str:
    """Remove values from a text if they are whole words, in any case."""
    small = text.casefold()
    # Most texts contain none, and a search is cheaper than a pattern.
    found = [form for each in private for form in _forms(each) if form.casefold() in small]
    if found:
        # The longest first, so that nothing is left of a name that contains another.
        forms = "|".join(re.escape(each) for each in sorted(found, key=len, reverse=True))
        text = re.sub(rf"(?<!\w)(?:{forms})(?!\w)", REMOVED, text, flags=re.IGNORECASE)
    # mutation: name-at-text-cut
    return _without_begun(text, private) if _CUT in text else text


def _without_begun(text: str, private: Collection[str]) -> str:
    """Remove the beginning of a value right before a cut."""
    forms = sorted(form.casefold() for each in private for form in _forms(each))

    def shown(part: str) -> str:
        for begin in _WORD_BEGINS.finditer(part, max(len(part) - _LONGEST_FORM, 0)):
            begun = part[begin.start() :].casefold()
            at = bisect_left(forms, begun)
            if at < len(forms) and forms[at].startswith(begun):
                return part[: begin.start()] + REMOVED
        return part

    *parts, last = text.split(_CUT)
    return _CUT.join([*map(shown, parts), last])


def _forms(word: str) -> Iterable[str]:
    """Return a word unchanged and in its JSON encodings."""
    if word.isascii() and '"' not in word and "\\" not in word:
        return (word,)
    return {word, _write(word)[1:-1], json.dumps(word)[1:-1]}


def hide_in(call: Call, private: Collection[str]) -> Call:
    """Return a call without private values."""
    if not private:
        return call

    def hidden(text: str | None) -> str | None:
        return None if text is None else hide(text, private)

    request, response = hidden(call.request), hidden(call.response)
    if request is call.request and response is call.response and not call.faults:
        return call
    return replace(
        call,
        request=request,
        response=response,
        faults=tuple(
            replace(each, field=hidden(each.field), description=hidden(each.description))
            for each in call.faults
        ),
    )


def _cleaned(text: str) -> str:
    # Each JSON key has a colon, so there are at most as many keys as colons.
    # mutation: redaction-key-limit
    if len(text) <= MOST_EVIDENCE and text.count(":") <= _MOST_KEYS:
        # mutation: body-without-private-name
        if not _may_have_private_name(text):
            return text
        with suppress(ValueError):
            return to_json(_clean(from_json(text))).decode()
        # A lone surrogate, which only the standard library reads and writes.
        with suppress(ValueError, RecursionError):
            return _write(_clean(json.loads(text)))
    return _by_pattern(cut(text, _SCANNED))


def _may_have_private_name(text: str) -> bool:
    small = text.casefold()
    return any(map(small.__contains__, _NEEDLES)) or _NAME.search(small) is not None


def scrub(text: str) -> str:
    """Remove e-mail addresses, phone numbers and tokens from a sentence; cut a long one."""
    text = cut(text, _SCANNED).replace("\x00", "").replace("\\u0000", "")
    for needed, pattern in _FREE_TEXT:
        if needed in text:
            text = pattern.sub(REMOVED, text)
    if _PHONE_ENDS.search(text):
        text = _PHONE.sub(REMOVED, text)
    if text.isascii():
        return text
    # JSON and Python allow a lone surrogate; PostgreSQL does not.
    return text.encode("utf-8", "replace").decode("utf-8")


# Walmart's bodies repeat a few names; other bodies may have any number of names.
@lru_cache(maxsize=1000)
def _private(key: str) -> bool:
    """Whether a field with this name, with or without XML prefix, holds personal data or a key."""
    small = key.casefold()
    return any(part in small for part in _PARTS) or bool(_WHOLE.fullmatch(small.rpartition(":")[2]))


def _clean(value: object) -> object:
    if isinstance(value, dict):
        shown = {
            key: REMOVED if item is not None and _private(key) else item
            for key, item in value.items()
        }
        # Most values are neither, and a call for each of them would be half of the cost.
        return shown | {key: _clean(item) for key, item in shown.items() if type(item) in _HOLDERS}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _by_pattern(text: str) -> str:
    text = _JSON_PAIR.sub(lambda m: f'{m[1]}"{REMOVED}"' if _private(m[3]) else m[0], text)
    text = _XML_ELEMENT.sub(lambda m: m[1] + REMOVED if _private(m[2]) else m[0], text)
    return _FORM_PAIR.sub(lambda m: m[1] + REMOVED if _of_forms(m[2]) else m[0], text)


def _of_forms(name: str) -> bool:
    small = name.casefold()
    return any(part in small for part in _OF_FORMS)
