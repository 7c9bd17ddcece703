"""Adobe's published schema of Commerce's orders, which answers and created orders are held against.

`schemas/commerce-orders-2.4.8.json` says where it comes from.
"""

import copy
import json
from pathlib import Path

import jsonschema

_DOCUMENT = json.loads(
    (Path(__file__).parent / "schemas" / "commerce-orders-2.4.8.json").read_text(encoding="utf-8")
)


def violations(name: str, value: object, *, closed: bool = False) -> list[str]:
    """How a value differs from one of Adobe's definitions.

    closed: a field that Adobe does not name is one too. Commerce refuses it in a request
    (Webapi/ServiceInputProcessor.php: it has no setter), and a client ignores it in an answer.
    """
    document = copy.deepcopy(_DOCUMENT)
    for each in document["definitions"].values() if closed else ():
        each["additionalProperties"] = False
    schema = {**document, "$ref": f"#/definitions/{name}"}
    found = jsonschema.Draft4Validator(schema).iter_errors(value)
    return [f"{'/'.join(map(str, each.absolute_path))}: {each.message[:200]}" for each in found]
