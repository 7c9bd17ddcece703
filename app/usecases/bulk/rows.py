"""Reads a file of shipments or cancellations row by row: JSON lines, or CSV with a header line.

A row that cannot be parsed does not stop the others. An unknown column refuses the whole file, so
that its meaning is never guessed. Columns of Commerce's own shipment export that Waybill does not
need are ignored.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain import db_limits
from app.domain.errors import Invalid, Problem

MOST_ROWS = 10_000
_LONGEST = 2048
# Characters of a JSON line.
_LONGEST_LINE = 64 * 1024
# Characters of a name that is repeated in a message.
_SHOWN = 100
# Names in Commerce's own exports.
_ALIASES = {
    "order_#": "order",
    "order_number": "order",
    "increment_id": "order",
    "order_id": "order",
    "title": "carrier_title",
    "track_number": "tracking_number",
    "qty": "quantity",
}
# Ignored columns of Commerce's Sales > Shipments > Export: dates in words in the store's time zone,
# sums, and data of buyers.
PASSED_OVER = frozenset({
    "shipment", "ship_date", "order_date", "ship-to_name", "total_quantity", "order_status",
    "purchased_from", "customer_name", "email", "customer_group", "billing_address",
    "shipping_address", "payment_method", "shipping_information",
})  # fmt: skip
SHIPMENT_COLUMNS = (
    "order",
    "carrier_code",
    "carrier_title",
    "tracking_number",
    "tracking_url",
    "line_number",
    "sku",
    "quantity",
    "shipped_at",
    "reference",
)
CANCELLATION_COLUMNS = ("order", "reason", "comment")
# Required columns.
_NEEDED = ("order", "carrier_code", "tracking_number")


@dataclass(frozen=True, slots=True)
class Row:
    """A parsed row."""

    number: int
    """From 1, without the header line."""
    fields: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None


def read_csv(text: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows of a CSV file, separated by commas or semicolons. Raises Invalid file_invalid."""
    first, _, _ = text.lstrip("\ufeff").partition("\n")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter)
    try:
        given = next(reader, [])
    except csv.Error as error:
        raise _bad(f"The file is not CSV: {error}.") from error
    given = _without_empty_end(given)
    # mutation: csv-column-limit
    if len(given) > _most_names(columns):
        raise _bad(f"The file has {len(given):,} columns, more than are known. {_columns(columns)}")
    names = [_named(name) for name in given]
    _check_names(names, columns)
    number = 0
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise _bad(f"Line {reader.line_num} is not CSV: {error}.") from error
        if values is None:
            return
        if not any(value.strip() for value in values):
            continue
        number += 1
        values = values[: len(names)] + _without_empty_end(values[len(names) :])
        if len(values) > len(names):
            yield Row(
                number, {}, _row_problem(f"The row has {len(values)} fields, not {len(names)}.")
            )
            continue
        yield _row(number, dict(zip(names, values, strict=False)))


def read_lines(text: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows of JSON lines, each an object."""
    number = 0
    # Line by line: a list of all lines would take many times the memory of the text.
    for line in io.StringIO(text, newline=None):
        if not line.strip():
            continue
        number += 1
        # mutation: line-length-limit
        if len(line) > _LONGEST_LINE:
            message = f"The line is longer than {_LONGEST_LINE:,} characters."
            yield Row(number, {}, _row_problem(message))
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            yield Row(number, {}, _row_problem("The line is not JSON."))
            continue
        if not isinstance(fields, dict):
            yield Row(number, {}, _row_problem("The line is not a JSON object."))
            continue
        # mutation: json-field-limit
        if len(fields) > _most_names(columns):
            message = f"The object has {len(fields):,} fields, more than are known."
            yield Row(number, {}, _row_problem(message))
            continue
        named = {_named(str(name)): value for name, value in fields.items()}
        unknown = sorted(set(named) - set(columns) - PASSED_OVER)
        if unknown:
            yield Row(number, {}, _row_problem(f"Unknown field {_shown(unknown[0])}."))
            continue
        yield _row(number, named)


def _row(number: int, fields: Mapping[str, Any]) -> Row:
    kept = {}
    for name, value in fields.items():
        if value is None or value == "" or name in PASSED_OVER:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return Row(number, {}, _row_problem(f"{name} is neither text nor a number."))
        text = str(value).strip()
        if len(text) > _LONGEST:
            return Row(number, {}, _row_problem(f"{name} is longer than {_LONGEST} characters."))
        if not db_limits.is_storable(text):
            return Row(number, {}, _row_problem(f"{name} has characters that cannot be stored."))
        if text:
            kept[name] = text
    return Row(number, kept)


def _without_empty_end(values: list[str]) -> list[str]:
    """Pass over what follows the last value: spreadsheets write a delimiter after it."""
    while values and not values[-1].strip():
        values = values[:-1]
    return values


def _named(name: str) -> str:
    plain = name.strip().casefold().replace(" ", "_")
    return _ALIASES.get(plain, plain)


def _check_names(names: list[str], columns: tuple[str, ...]) -> None:
    unknown = sorted(set(names) - set(columns) - PASSED_OVER)
    missing = [name for name in _NEEDED if name in columns and name not in names]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if unknown:
        message = f"Unknown column {_shown(unknown[0])}."
    elif missing:
        message = f"The column {missing[0]} is required; add it if Commerce's export lacks it."
    elif twice:
        message = f"The column {twice[0]} is there twice."
    else:
        return
    raise _bad(f"{message} {_columns(columns)}")


def _most_names(columns: tuple[str, ...]) -> int:
    # More names cannot all be known and different.
    return len(columns) + len(_ALIASES) + len(PASSED_OVER)


def _columns(columns: tuple[str, ...]) -> str:
    return f"The columns are {', '.join(columns)}, each once."


def _shown(name: str) -> str:
    # mutation: shown-name-length
    return repr(name[:_SHOWN])


def _row_problem(message: str) -> Problem:
    return Problem("row_invalid", message)


def _bad(message: str) -> Invalid:
    return Invalid("file_invalid", message, [Problem("file_invalid", message)])
