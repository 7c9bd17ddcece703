"""Kinds of fields that Commerce's search criteria find by, and their conditions in SQL.

Commerce searches MySQL, and this finds what it finds: text is compared without case (its collation
utf8mb4_general_ci), times by the second that is shown, and null matches no condition but `null`.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain import db_limits
from app.storage.queries import text_patterns
from app.storage.queries.order_search import customer_numbers
from app.storage.queries.text_patterns import Condition

EQUAL, LIKE, NULL = "=", "like", "null"
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SECOND = timedelta(seconds=1)
# Clients that read everything begin at MySQL's zero date or end in the year 9999.
_ZERO, _FIRST, _LAST = (
    "0000-00-00",
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(9000, 1, 1, tzinfo=UTC),
)


class Field(Protocol):
    """A field of what is searched."""

    @property
    def column(self) -> sa.ColumnElement[Any]:
        """What is sorted by."""

    @property
    def expects(self) -> str:
        """Which values there are, for the message of a refusal."""

    def parse(self, operator: str, text: str) -> object | None:
        """The value that a text names. None means that nothing can be found by it."""

    def matches(self, operator: str, values: Sequence[Any]) -> Condition:
        """The condition of EQUAL with one of some values, LIKE, NULL, <, <=, > or >= with one."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    column: sa.ColumnElement[Any]
    whole: bool = True

    @property
    def expects(self) -> str:
        """Which numbers there are."""
        return "a whole number" if self.whole else "a number with at most 4 decimals"

    def parse(self, operator: str, text: str) -> object | None:
        """A number of PostgreSQL's range."""
        if operator == LIKE:
            return text
        number = db_limits.decimal(text)
        if number is None:
            return None
        # The range is checked first: 1e1000000 has a million digits.
        if not (number.is_finite() and -db_limits.BIGINT <= number <= db_limits.BIGINT):
            return None
        rounded = round(number, 0 if self.whole else 4)
        return rounded if number == rounded else None

    def matches(self, operator: str, values: Sequence[Any]) -> Condition:
        """The condition of a column."""
        if operator == LIKE:
            return text_patterns.like(sa.cast(self.column, sa.Text), values[0])
        given = [int(each) for each in values] if self.whole else list(values)
        return _compared(self.column, operator, given)


@dataclass(frozen=True, slots=True)
class Text:
    """A text, compared without case."""

    column: sa.ColumnElement[Any]
    expects: ClassVar[str] = "a text"

    def parse(self, operator: str, text: str) -> object | None:
        """The text as it is."""
        del operator
        return text

    def matches(self, operator: str, values: Sequence[Any]) -> Condition:
        """The condition of a column, found by its index where that is possible."""
        if operator == EQUAL:
            return text_patterns.equal(self.column, values)
        if operator == LIKE:
            return sa.and_(
                text_patterns.like(self.column, values[0]),
                text_patterns.begins(self.column, [text_patterns.beginning(values[0])]),
            )
        folded = sa.func.lower(self.column).collate("C")
        return _compared(folded, operator, [str(each).lower() for each in values])


@dataclass(frozen=True, slots=True)
class CustomerNumber(Text):
    """Walmart's customer order number, which its pages show with a hyphen and its API has not."""

    def matches(self, operator: str, values: Sequence[Any]) -> Condition:
        """The condition of the number with its hyphen and without it."""
        if operator == EQUAL:
            # mutation: commerce-search-hyphen
            return text_patterns.equal(
                self.column, [each for value in values for each in customer_numbers(value)]
            )
        if operator == LIKE:
            beginnings = customer_numbers(text_patterns.beginning(values[0]))
            pattern = values[0].replace("-", "")
            return sa.and_(
                text_patterns.like(sa.func.replace(self.column, "-", ""), pattern),
                text_patterns.begins(self.column, beginnings),
            )
        return Text.matches(self, operator, values)


@dataclass(frozen=True, slots=True)
class Time:
    """A time, compared by the second that is shown."""

    own: sa.ColumnElement[Any]
    otherwise: sa.ColumnElement[Any] | None = None
    """The column that is shown where the first one is null."""
    expects: ClassVar[str] = "a time in UTC such as 2026-11-23 10:00:00"

    @property
    def column(self) -> sa.ColumnElement[Any]:
        """What is shown."""
        return self.own if self.otherwise is None else sa.func.coalesce(self.own, self.otherwise)

    def parse(self, operator: str, text: str) -> object | None:
        """A time; without a zone it is UTC, and a date is its first second."""
        if operator == LIKE:
            return text
        try:
            at = datetime.fromisoformat("0001-01-01" if text.startswith(_ZERO) else text)
        except ValueError:
            return None
        if at.year < _FIRST.year and operator in {">", ">="}:
            return _FIRST
        if at.year >= _LAST.year and operator in {"<", "<="}:
            return _LAST
        return db_limits.utc_time(at)

    def matches(self, operator: str, values: Sequence[Any]) -> Condition:
        """The condition as a range, for which an index can be used."""
        if operator == NULL:
            return self.column.is_(None)
        if operator == LIKE:
            utc = sa.func.timezone("UTC", self.column)
            shown = sa.func.to_char(utc, "YYYY-MM-DD HH24:MI:SS", type_=sa.Text)
            return text_patterns.like(shown, values[0])
        return self._shown(
            _any_second(values) if operator == EQUAL else _second(operator, values[0])
        )

    def _shown(self, test: Callable[[sa.ColumnElement[Any]], Condition]) -> Condition:
        if self.otherwise is None:
            return test(self.own)
        first = sa.and_(self.own.is_not(None), test(self.own))
        return sa.or_(first, sa.and_(self.own.is_(None), test(self.otherwise)))


@dataclass(frozen=True, slots=True)
class Words:
    """One of a few words. Several words may be true of one row."""

    column: sa.ColumnElement[Any]
    words: Mapping[str, Condition]
    """Which rows each word finds."""

    @property
    def expects(self) -> str:
        """The words."""
        return f"compared by eq, neq, in, nin, like or nlike, with {', '.join(self.words)}"

    def parse(self, operator: str, text: str) -> object | None:
        """The words that a word or pattern names."""
        if operator not in {EQUAL, LIKE}:
            return None
        if operator == EQUAL:
            text = text_patterns.escaped(text)
        pattern = text_patterns.expression(text)
        # mutation: commerce-search-unknown-word
        return [word for word in self.words if pattern.fullmatch(word)] or None

    def matches(self, operator: str, values: Sequence[Any]) -> Condition:
        """The rows of any of the words."""
        if operator == NULL:
            return sa.false()
        return sa.or_(*(self.words[word] for words in values for word in words))


def _compared(column: sa.ColumnElement[Any], operator: str, values: Sequence[Any]) -> Condition:
    if operator == NULL:
        return column.is_(None)
    if operator == EQUAL:
        # One array, so that the statement is the same for any number of values.
        return column == sa.any_(sa.literal(list(values), ARRAY(column.type)))
    condition: Condition = _COMPARE[operator](column, sa.literal(values[0], column.type))
    return condition


def _any_second(times: Sequence[datetime]) -> Callable[[sa.ColumnElement[Any]], Condition]:
    """A comparison of a column, cut to its second, with any of some times.

    PostgreSQL plans a thousand ranges for ten seconds; an array is planned at once. The range
    around all of them is for an index.
    """

    def test(column: sa.ColumnElement[Any]) -> Condition:
        any_time = sa.any_(sa.literal(list(times), ARRAY(column.type)))
        return sa.and_(
            column >= min(times),
            column < max(times) + _SECOND,
            sa.func.date_trunc("second", column) == any_time,
        )

    return test


def _second(operator: str, at: datetime) -> Callable[[sa.ColumnElement[Any]], Condition]:
    """A comparison of a column, cut to its second, with a time."""
    second = at.replace(microsecond=0)
    following = second + _SECOND
    begin = second if at == second else following
    # mutation: commerce-search-seconds
    ranges: Mapping[str, tuple[datetime | None, datetime | None]] = {
        "<": (None, begin),
        "<=": (None, following),
        ">": (following, None),
        ">=": (begin, None),
    }
    since, until = ranges[operator]

    def test(column: sa.ColumnElement[Any]) -> Condition:
        return sa.and_(
            *([] if since is None else [column >= since]),
            *([] if until is None else [column < until]),
        )

    return test
