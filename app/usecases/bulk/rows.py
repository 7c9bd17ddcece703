"""A file of shipments or cancellations, row by row: JSON lines, or CSV with a line of names.

A row that cannot be read does not keep the others from being carried out. A column that nobody
knows is refused for the whole file: what it means would be guessed otherwise. What else Commerce
writes into its export of shipments is known, and passed over.
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
# Commerce's own exports name some of them otherwise.
_ALIASES = {
    "order_#": "order",
    "order_number": "order",
    "increment_id": "order",
    "order_id": "order",
    "title": "carrier_title",
    "track_number": "tracking_number",
    "qty": "quantity",
}
# Of Commerce's Sales > Shipments > Export: dates in words and the store's zone, sums, and buyers,
# who are none of Waybill's business.
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
# Without these columns no row of a file could be carried out.
_NEEDED = ("order", "carrier_code", "tracking_number")


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it came: its number (from 1, the line of names not counted), and its fields."""

    number: int
    fields: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None


def read_csv(text: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows of a CSV file, of commas or semicolons. Raises Invalid for what is no such file."""
    first, _, _ = text.lstrip("\ufeff").partition("\n")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter)
    try:
        given = next(reader, [])
    except csv.Error as error:
        raise _bad(f"It is no CSV: {error}.") from error
    if len(given) > _most_names(columns):
        raise _bad(f"It has {len(given):,} columns, more than are known. {_columns(columns)}")
    names = [_named(name) for name in given]
    _check_names(names, columns)
    number = 0
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise _bad(f"Line {reader.line_num} is no CSV: {error}.") from error
        if values is None:
            return
        if not any(value.strip() for value in values):
            continue
        number += 1
        if len(values) > len(names):
            yield Row(number, {}, _row_problem(f"It has {len(values)} fields, not {len(names)}."))
            continue
        yield _row(number, dict(zip(names, values, strict=False)))


def read_lines(text: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows of JSON lines, each an object."""
    number = 0
    # Line by line, since a list of all lines would be many times the text.
    for line in io.StringIO(text, newline=None):
        if not line.strip():
            continue
        number += 1
        if len(line) > _LONGEST_LINE:
            message = f"It is longer than {_LONGEST_LINE:,} characters."
            yield Row(number, {}, _row_problem(message))
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            yield Row(number, {}, _row_problem("It is not JSON."))
            continue
        if not isinstance(fields, dict):
            yield Row(number, {}, _row_problem("It is not an object."))
            continue
        if len(fields) > _most_names(columns):
            message = f"It has {len(fields):,} fields, more than are known."
            yield Row(number, {}, _row_problem(message))
            continue
        named = {_named(str(name)): value for name, value in fields.items()}
        unknown = sorted(set(named) - set(columns) - PASSED_OVER)
        if unknown:
            yield Row(number, {}, _row_problem(f"Nobody knows the field {_shown(unknown[0])}."))
            continue
        yield _row(number, named)


def _row(number: int, fields: Mapping[str, Any]) -> Row:
    kept = {}
    for name, value in fields.items():
        if value is None or value == "" or name in PASSED_OVER:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return Row(number, {}, _row_problem(f"{name} is no text or number."))
        text = str(value).strip()
        if len(text) > _LONGEST:
            return Row(number, {}, _row_problem(f"{name} is longer than {_LONGEST} characters."))
        if not db_limits.holds(text):
            return Row(number, {}, _row_problem(f"{name} has characters that cannot be stored."))
        if text:
            kept[name] = text
    return Row(number, kept)


def _named(name: str) -> str:
    plain = name.strip().casefold().replace(" ", "_")
    return _ALIASES.get(plain, plain)


def _check_names(names: list[str], columns: tuple[str, ...]) -> None:
    unknown = sorted(set(names) - set(columns) - PASSED_OVER)
    missing = [name for name in _NEEDED if name in columns and name not in names]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if unknown:
        told = f"Nobody knows the column {_shown(unknown[0])}."
    elif missing:
        told = f"A column {missing[0]} is needed: add it where Commerce's export has none."
    elif twice:
        told = f"There are two columns {twice[0]}."
    else:
        return
    raise _bad(f"{told} {_columns(columns)}")


def _most_names(columns: tuple[str, ...]) -> int:
    # More than that are not all known, or not all different.
    return len(columns) + len(_ALIASES) + len(PASSED_OVER)


def _columns(columns: tuple[str, ...]) -> str:
    return f"Columns are {', '.join(columns)}, each once."


def _shown(name: str) -> str:
    return repr(name[:_SHOWN])


def _row_problem(message: str) -> Problem:
    return Problem("row_invalid", message)


def _bad(message: str) -> Invalid:
    return Invalid("file_invalid", message, [Problem("file_invalid", message)])
