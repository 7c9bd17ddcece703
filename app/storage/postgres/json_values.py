"""Python values as parameters of type jsonb.

Beside what JSON has, a value may contain UUIDs and times, which a recordset reads as such, and
bytes, as base64: `decode(v.body, 'base64')`.
"""

import base64
import json
from datetime import datetime
from uuid import UUID


def _plain(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is no JSON")


encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode
