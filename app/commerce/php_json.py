"""JSON as PHP and Adobe's generators write it, read as Commerce's own REST API reads it.

| JSON | means |
|---|---|
| `[]` for an object, `{}` for a list | no fields, no entries: PHP has one empty array for both |
| `{"0": …, "2": …}` for a list | its values: PHP writes an array with gaps as an object |
| `null` | the field is left out |
| `orderItemId`, `OrderItemId` | `order_item_id` |
| `"1.0000"`, `1.0` for an integer | 1 (`db_limits.whole_number`) |
| a number for a text | its digits |
| `"true"`, `"on"`, `"yes"`, `"1"`, 1 for a boolean | true; any other text or number is false |

Sources, in lib/internal/Magento/Framework of magento/magento2: process() and convertValue() of
Webapi/ServiceInputProcessor.php, setType() of Reflection/TypeProcessor.php, and
snakeCaseToUpperCamelCase() of Api/SimpleDataObjectConverter.php, for either spelling of a name.
"""

import math
import re
from collections.abc import Iterable, Mapping

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TRUE = frozenset({"1", "true", "on", "yes"})


def snake_case(name: str) -> str:
    """Return a field's name in snake_case, whichever of Commerce's two spellings it has."""
    return _CAPITAL.sub("_", name).lower()


def fields(value: object, names: Iterable[str] = ()) -> object:
    """Return the fields of an object in snake_case. Other JSON is unchanged.

    names: fields to return under these names, although they are not in snake_case. Of a field in
    both spellings the last counts.
    """
    if isinstance(value, list) and not value:
        return {}
    if not isinstance(value, Mapping):
        return value
    known = {snake_case(name): name for name in names}
    given = ((snake_case(str(name)), each) for name, each in value.items())
    return {known.get(name, name): _entries(each) for name, each in given}


def given_fields(value: object, names: Iterable[str] = ()) -> object:
    """Return the fields of an object that are not null, as `fields` does."""
    found = fields(value, names)
    if not isinstance(found, Mapping):
        return found
    # mutation: nulls-from-php
    return {name: each for name, each in found.items() if each is not None}


def text(value: object) -> object:
    """Return a number as text. Anything else is unchanged."""
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def flag(value: object) -> object:
    """Return a text or a number as a boolean. Anything else is unchanged."""
    if not isinstance(value, str | int | float):
        return value
    # mutation: flags-from-php
    return str(text(value)).strip().lower() in _TRUE


def _entries(value: object) -> object:
    """Return the values of an object that stands for a list. Anything else is unchanged."""
    # mutation: lists-from-php
    if isinstance(value, Mapping) and all(str(key).isdecimal() for key in value):
        return list(value.values())
    return value
