"""Invalid values, put in turn into every part of a request that the API documents."""

import copy
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

TEXTS = (
    "a\x00b", "", " ", "x" * 3000, "😀" * 60, "\u0663", "../../etc", "http://[", "{tracking_number}{",
    "1e1000000", "9" * 40, "-1", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "ffffffff-ffff-7fff-bfff-ffffffffffff", "WyJvcmRlcnMiLDE4NDQ2NzQ0MDczNzA5NTUxNjE2XQ",
)  # fmt: skip
# Values that only JSON can express.
VALUES: tuple[Any, ...] = (
    *TEXTS, "a\ud800", 0, -1, 2**31, 2**63, 1.5, float("inf"), float("nan"), True, None,
    [], {}, {"\x00": "\ud800"}, ["\ud800"],
)  # fmt: skip
PATHS = ("%00", "a%00", "%FF%FE", "..%2F", "%3F", "%F0%9F%98%80", "x" * 3000, "0", "-1", "1.5",
         "9" * 40, "%D9%A3", "ffffffff-ffff-7fff-bfff-ffffffffffff")  # fmt: skip
BODIES = (
    b"", b"\xff", b"\x00", b"null", b"[]", b'"x"', b"1", b"{", b"[" * 100_000, b'{"a":' * 50_000,
    b"9" * 5000, b"1e999999999", b'{"\\ud800": 1}', b'{"\\u0000": {}}',
)  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """A request: values for the parts of its path, its query, and its body."""

    method: str
    template: str
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    media: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        where = self.template
        for name, value in self.path.items():
            where = where.replace(f"{{{name}}}", value)
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in self.query.items())
        return f"{where}?{query}" if query else where

    @property
    def content(self) -> bytes | None:
        if self.raw is not None or self.body is None:
            return self.raw
        return json.dumps(self.body).encode()

    def __str__(self) -> str:
        return f"{self.method} {self.url[:120]} {(self.content or b'')[:300]!r}"


def variations(good: Ask, parameters: list[str]) -> Iterator[Ask]:
    """The request with one invalid part at a time, or an invalid body."""
    for name in good.path:
        for value in PATHS:
            yield replace(good, path={**good.path, name: value})
    for name in parameters:
        for value in TEXTS:
            yield replace(good, query={**good.query, name: value})
    for name in ("surprise", "\x00"):
        yield replace(good, query={**good.query, name: "1"})
    if good.body is None:
        return
    for body in with_invalid_parts(good.body):
        yield replace(good, body=body)
    for raw in BODIES:
        yield replace(good, raw=raw)


def with_invalid_parts(value: Any) -> Iterator[Any]:
    """JSON with one of its leaves, or one of its parts, replaced by an invalid value.

    Neighbours get different thirds of the values; `make fuzz` gives all of them to each.
    """
    step = 1 if "WAYBILL_FUZZ_RUNS" in os.environ else 3
    for number, json_path in enumerate(json_paths(value)):
        for invalid in VALUES[number % step :: step]:
            yield put(value, json_path, invalid)


def json_paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths in a JSON document: the names and indexes that lead to each value."""
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for name, each in inside:
        yield (*above, name)
        yield from json_paths(each, (*above, name))


def put(value: Any, json_path: tuple[Any, ...], invalid: Any) -> Any:
    """JSON with another value at one path."""
    changed = copy.deepcopy(value)
    inner = changed
    for name in json_path[:-1]:
        inner = inner[name]
    inner[json_path[-1]] = invalid
    return changed
