"""What of a body may be kept: no token, no secret, nothing that tells who or where the buyer is.

Walmart's orders carry the buyer's name, address, phone and e-mail. A JSON body is cleaned by
the names of its fields; anything else (a cut body, XML, a gateway's HTML page) by patterns.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from app.http_client.call import Call

MAX_CHARACTERS = 4096
REMOVED = "[removed]"
_CUT = "…"
# A body up to this size is cleaned as JSON. Of a larger one only a head is looked at, by patterns.
MOST_EVIDENCE = 64 * 1024
_MOST_KEYS = 2000
# Of a value that is hidden; a shorter one is too often a word of something else.
_SHORTEST = 4
# Looking for values takes their number times their length; no buyer has more, or longer ones.
_LONGEST, _MOST_PARTS, _MOST_WORDS = 200, 20, 500
# JSON may write six characters for one.
_LONGEST_FORM = 6 * _LONGEST
_WORD_BEGINS = re.compile(r"(?<!\w)\S")
# Patterns only look at this much of a body: what is kept of it is far shorter.
_LOOKED_AT = 4 * MAX_CHARACTERS

_PARTS = (
    "address", "phone", "mail", "token", "secret", "passw", "authoriz", "credential", "cookie",
    "buyer", "person", "recipient", "postal", "postcode", "zip", "firstname", "lastname",
)  # fmt: skip
_WHOLE = re.compile(
    r"(?:(?:first|last|middle|full|complete|customer)?_?name|city|street)", re.IGNORECASE
)
_OF_FORMS = ("token", "secret", "password")
# Each character of a text is looked at a few times at most, whatever the text: repetitions are
# possessive (they never give back), and what repeats cannot begin again within itself.
_JSON_PAIR = re.compile(
    r"""((["'])([^"']*+)["']\s*+:\s*+)"""
    r"""(?:"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[^\s,}\]{\["']++)"""
)
_XML_ELEMENT = re.compile(r"(<([\w.:-]++)(?:\s[^<>]*+)?>)[^<]++")
_FORM_PAIR = re.compile(r"(?<![\w.-])(([\w.-]++)\s*+[=:]\s*+)[^\s&\"'<>,;]++")
# Each with what it cannot do without: looking for that first is a small part of the work.
_FREE_TEXT = (
    # An e-mail address.
    ("@", re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++")),
    ("eyJ", re.compile(r"\beyJ[\w-]{8,}+(?:\.[\w-]*+)*+")),  # a JSON web token
    ("Basic", re.compile(r"\bBasic\s++[\w.~+/-]{8,}+=*+")),
    ("Bearer", re.compile(r"\bBearer\s++[\w.~+/-]{8,}+=*+")),
)
# A written-out phone number, and how each of them ends.
_PHONE_ENDS = re.compile(r"\d{3}[ .-]\d{4}\b")
_PHONE = re.compile(r"(?:\+1[ .-]?)?(?:\(\d{3}\)\s?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b")
# To make one for each text costs as much as a short text.
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Clean a body and cut it to 4096 characters.

    NUL characters, which PostgreSQL stores in no text, go too. secrets are literal strings that
    must not survive. However large or hostile the body, the work is that of a small one, except
    for the search of the secrets.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, REMOVED)
    return cut(scrub(_cleaned(text)), MAX_CHARACTERS)


def cut(text: str, most: int) -> str:
    """The head of a text that is too long, marked as one: it may end within a private value."""
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def words(values: Iterable[str | None], *, never: Iterable[str | None] = ()) -> frozenset[str]:
    """Values to be hidden: of at least four characters, and none that is never private.

    Of a long value the words in its first 200 characters are one, of many values the first 500.
    """
    shown = {each.strip().casefold() for each in never if each}
    found = (_short(each.strip()) for each in values if each)
    hidden = (each for each in found if len(each) >= _SHORTEST and each.casefold() not in shown)
    return frozenset(islice(dict.fromkeys(hidden), _MOST_WORDS))


def _short(value: str) -> str:
    """The words of a value that its first 200 characters hold whole."""
    if len(value) <= _LONGEST:
        return value
    return value[: _LONGEST + 1].rsplit(maxsplit=1)[0][:_LONGEST]


def parts_of(name: str) -> tuple[str, ...]:
    """A name, and the first 20 of its words."""
    return (name, *name[:_LONGEST].split()[:_MOST_PARTS])


def hide(text: str, private: Collection[str]) -> str:
    """Remove values from a text where they stand as whole words, in any case."""
    small = text.casefold()
    # Most texts have none, and to make a pattern costs more than to look.
    found = [form for each in private for form in _forms(each) if form.casefold() in small]
    if found:
        # The longest first: of a name that holds another nothing is left.
        forms = "|".join(re.escape(each) for each in sorted(found, key=len, reverse=True))
        text = re.sub(rf"(?<!\w)(?:{forms})(?!\w)", REMOVED, text, flags=re.IGNORECASE)
    return _without_begun(text, private) if _CUT in text else text


def _without_begun(text: str, private: Collection[str]) -> str:
    """A text without the first part of a value where it was cut."""
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
    """A word as it is, and as JSON writes it."""
    if word.isascii() and '"' not in word and "\\" not in word:
        return (word,)
    return {word, _write(word)[1:-1], json.dumps(word)[1:-1]}


def hide_in(call: Call, private: Collection[str]) -> Call:
    """The evidence of a call without private values."""
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
    # Each key of JSON has a colon, so that there are no more keys than colons.
    if len(text) <= MOST_EVIDENCE and text.count(":") <= _MOST_KEYS:
        try:
            return _write(_clean(json.loads(text)))
        except (ValueError, RecursionError):
            pass
    return _by_pattern(cut(text, _LOOKED_AT))


def scrub(text: str) -> str:
    """Remove from a sentence what looks like an e-mail address, a phone number or a token.

    Of a long one only the head is kept.
    """
    text = cut(text, _LOOKED_AT).replace("\x00", "").replace("\\u0000", "")
    for needed, pattern in _FREE_TEXT:
        if needed in text:
            text = pattern.sub(REMOVED, text)
    if _PHONE_ENDS.search(text):
        text = _PHONE.sub(REMOVED, text)
    # A lone surrogate is valid in JSON and in Python, and in no database.
    return text.encode("utf-8", "replace").decode("utf-8")


# Walmart's bodies have the same few names again and again; others' are as many as they like.
@lru_cache(maxsize=1000)
def _private(key: str) -> bool:
    """Whether a field of that name, with or without its XML prefix, tells of a buyer or a key."""
    small = key.casefold()
    return any(part in small for part in _PARTS) or bool(_WHOLE.fullmatch(small.rpartition(":")[2]))


def _clean(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: REMOVED if item is not None and _private(key) else _clean(item)
            for key, item in value.items()
        }
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
