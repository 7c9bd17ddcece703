"""Text comparisons without case, as MySQL's, in a form for which an index of bytes can be used.

An index with text_pattern_ops orders by bytes, so it finds a text in each of its spellings: with
two letters there are four. More spellings than a few are compared one row after another.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from app.storage.queries.order_search import following

_MOST_SPELLINGS = 2000
# Letters of a beginning that are looked up in an index in both cases.
_LETTERS = 4
Condition = sa.ColumnElement[bool]


def equal(column: sa.ColumnElement[Any], texts: Sequence[str]) -> Condition:
    """Whether a column is one of some texts."""
    if sum(2 ** _letters(each) for each in texts) <= _MOST_SPELLINGS:
        return _in(column, [word for each in texts for word in _spellings(each)])
    return _in(sa.func.lower(column), [each.lower() for each in texts])


def like(column: sa.ColumnElement[Any], pattern: str) -> Condition:
    r"""Whether a column is LIKE a pattern: % is any text, _ one character, \ makes both literal.

    A single \ at the end is itself, as in MySQL; PostgreSQL refuses it.
    """
    # mutation: commerce-search-open-escape
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        pattern += "\\"
    return column.ilike(pattern)


def beginning(pattern: str) -> str:
    """The text with which everything begins that is LIKE a pattern."""
    taken, characters = [], iter(pattern)
    for character in characters:
        if character in "%_":
            break
        taken.append(next(characters, character) if character == "\\" else character)
    return "".join(taken)


def begins(column: sa.ColumnElement[Any], texts: Sequence[str]) -> Condition:
    """Whether a column begins with one of some texts, or with most of it: true without texts."""
    ranges = [_range(column, word) for each in texts for word in _spellings(_few_letters(each))]
    return sa.or_(*ranges) if ranges and "" not in texts else sa.true()


def escaped(text: str) -> str:
    """A pattern that only this text is LIKE."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def expression(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern."""
    parts = ["", *re.findall(r"\\?.", pattern, re.DOTALL)]
    wild = {"%": ".*", "_": "."}
    # Of several % one counts: each more would multiply the ways to match.
    once = (each for before, each in itertools.pairwise(parts) if (before, each) != ("%", "%"))
    found = "".join(wild.get(each) or re.escape(each[-1]) for each in once)
    return re.compile(found, re.IGNORECASE | re.DOTALL)


def _range(column: sa.ColumnElement[Any], text: str) -> Condition:
    """Texts that begin so, by the operators of an index with text_pattern_ops."""
    end = following(text)
    since = column.op("~>=~", is_comparison=True)(text)
    return since if end is None else sa.and_(since, column.op("~<~", is_comparison=True)(end))


def _in(column: sa.ColumnElement[Any], texts: Sequence[str]) -> Condition:
    # One array, so that the statement is the same for any number of texts.
    among: Condition = column == sa.any_(sa.literal(list(texts), ARRAY(sa.Text)))
    return among


def _letters(text: str) -> int:
    return sum(each.isascii() and each.isalpha() for each in text)


def _few_letters(text: str) -> str:
    """The beginning with at most _LETTERS letters."""
    too_long = (end for end in range(len(text)) if _letters(text[: end + 1]) > _LETTERS)
    return text[: next(too_long, None)]


def _spellings(text: str) -> list[str]:
    """A text with each of its letters in both cases."""
    cases = (
        (each.lower(), each.upper()) if each.isascii() and each.isalpha() else (each,)
        for each in text
    )
    return ["".join(each) for each in itertools.product(*cases)]
