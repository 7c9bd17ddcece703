"""What of a body may be kept: no token, no secret, nothing that tells who or where the buyer is.

Walmart's orders carry the buyer's name, address, phone and e-mail. A JSON body is cleaned by
the names of its fields; anything else (a cut body, XML, a gateway's HTML page) by patterns.
"""

import json
import re
from collections.abc import Iterable
from functools import lru_cache

MAX_CHARACTERS = 4096
REMOVED = "[removed]"
# A body up to this size is cleaned as JSON. Of a larger one only a head is looked at, by patterns.
MOST_EVIDENCE = 64 * 1024
_MOST_KEYS = 2000
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
    return scrub(_cleaned(text)[:_LOOKED_AT])[:MAX_CHARACTERS]


def _cleaned(text: str) -> str:
    # Each key of JSON has a colon, so that there are no more keys than colons.
    if len(text) <= MOST_EVIDENCE and text.count(":") <= _MOST_KEYS:
        try:
            return _write(_clean(json.loads(text)))
        except (ValueError, RecursionError):
            pass
    return _by_pattern(text[:_LOOKED_AT])


def scrub(text: str) -> str:
    """Remove from a sentence what looks like an e-mail address, a phone number or a token.

    Of a long one only the head is kept.
    """
    text = text[:_LOOKED_AT].replace("\x00", "").replace("\\u0000", "")
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
