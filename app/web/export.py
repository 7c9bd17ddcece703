"""Writes the OpenAPI document to a file, or checks that the file is up to date.

`python -m app.web.export openapi/openapi.json`, with `--check` to compare only.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI

from app.commerce.adobe_keys import AdobeKeys
from app.usecases.context import AppContext
from app.version import VERSION
from app.web.app import create_app


class _NoMetrics:
    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Do nothing."""

    async def refresh(self) -> None:
        """Do nothing."""

    def render(self) -> tuple[bytes, str]:
        """Return an empty text."""
        return b"", "text/plain"


async def _ready() -> str | None:
    return None


def describing_only() -> FastAPI:
    """The app without a database. It can serve its document and its documentation pages."""
    return create_app(
        context=cast("AppContext", _Nothing()),
        admin_key=None,
        metrics=_NoMetrics(),
        ready=_ready,
        version=VERSION,
        adobe_keys=cast("AdobeKeys", _Nothing()),
    )


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document of this version, made once. It must not be changed."""
    return describing_only().openapi()


class _Nothing:
    """In place of collaborators, which nothing reads while the document is created."""

    database = None


def rendered() -> str:
    """The text of the committed file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def main(words: list[str]) -> int:
    """Write or compare. Returns the exit code: 1 for a file that is out of date."""
    check = "--check" in words
    file = Path(next((word for word in words if not word.startswith("-")), "openapi/openapi.json"))
    if not check:
        file.write_text(rendered())
        return 0
    if file.exists() and file.read_text() == rendered():
        return 0
    sys.stderr.write(f"{file} is out of date: run `make openapi` and commit it.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
