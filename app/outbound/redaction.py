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
# Patterns only look at this much of a body: what is kept of it is far shorter.
_LOOKED_AT = 4 * MAX_CHARACTERS

_KEY = (
    r"[\w.:-]{0,40}(?:address|phone|mail|token|secret|passw|authoriz|credential|cookie|buyer|person"
    r"|recipient|postal|postcode|zip|firstname|lastname)[\w.:-]{0,40}"
    r"|(?:first|last|middle|full|complete|customer)?_?name|city|street|telephone"
)
_PRIVATE_KEY = re.compile(rf"(?:\w+:)?(?:{_KEY})", re.IGNORECASE)
_JSON_PAIR = re.compile(
    rf"""(["'](?:{_KEY})["']\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,}}\]{{\["']+)""",
    re.IGNORECASE,
)
_XML_ELEMENT = re.compile(rf"(<(?:\w+:)?(?:{_KEY})(?:\s[^>]*)?>)[^<]+", re.IGNORECASE)
_FORM_PAIR = re.compile(
    r"\b([\w.-]{0,40}(?:token|secret|password)[\w.-]{0,40}\s*[=:]\s*)[^\s&\"'<>,;]+", re.IGNORECASE
)
# Each with what it cannot do without: looking for that first is a small part of the work.
_FREE_TEXT = (
    ("@", re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")),  # an e-mail address
    ("eyJ", re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*")),  # a JSON web token
    ("Basic", re.compile(r"\bBasic\s+[\w.~+/-]{8,}=*")),
    ("Bearer", re.compile(r"\bBearer\s+[\w.~+/-]{8,}=*")),
)
# A written-out phone number, and how each of them ends.
_PHONE_ENDS = re.compile(r"\d{3}[ .-]\d{4}\b")
_PHONE = re.compile(r"(?:\+1[ .-]?)?(?:\(\d{3}\)\s?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b")
# To make one for each text costs as much as a short text.
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Clean a body and cut it to 4096 characters.

    NUL characters, which PostgreSQL stores in no text, go too. secrets are literal strings that
    must not survive.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, REMOVED)
    try:
        clean = _write(_clean(json.loads(text)))
    except (ValueError, RecursionError):
        clean = _by_pattern(text[:_LOOKED_AT])
    return scrub(clean[:_LOOKED_AT])[:MAX_CHARACTERS]


def scrub(text: str) -> str:
    """Remove from a sentence what looks like an e-mail address, a phone number or a token."""
    text = text.replace("\x00", "").replace("\\u0000", "")
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
    return _PRIVATE_KEY.fullmatch(key) is not None


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
    text = _JSON_PAIR.sub(rf'\1"{REMOVED}"', text)
    text = _XML_ELEMENT.sub(rf"\1{REMOVED}", text)
    return _FORM_PAIR.sub(rf"\1{REMOVED}", text)
