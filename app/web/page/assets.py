"""Style sheet, scripts and icons: files of `static/`, under an address with a digest of them all.

The style sheets are served as one, `waybill.css`, base first. Since each address is of one content
only, browsers keep it for a year. A page of an earlier version that asks for an old address gets
the present file, and keeps it not at all.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

STATIC = Path(__file__).parent / "static"
STYLE = "waybill.css"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOREVER = "public, max-age=31536000, immutable"
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    zipped: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of the page."""

    version: str
    """Digest of all of them, a part of each address."""
    files: Mapping[str, Asset]

    def address(self, name: str) -> str:
        """The path of a file. Raises KeyError for one that does not exist."""
        if name not in self.files:
            raise KeyError(name)
        return f"/assets/{self.version}/{name}"


def _read() -> Assets:
    contents = {
        file.name: file.read_bytes()
        for file in sorted(STATIC.iterdir())
        if file.suffix in {".js", ".svg"}
    }
    # The base comes first, so that the style sheets of pages may refine it.
    styles = sorted(STATIC.glob("*.css"), key=lambda file: (file.name != "base.css", file.name))
    contents[STYLE] = b"\n".join(file.read_bytes() for file in styles)
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    files = {
        name: Asset(content, gzip.compress(content, mtime=0), _TYPES[Path(name).suffix])
        for name, content in contents.items()
    }
    return Assets(digest.hexdigest()[:16], files)


ASSETS = _read()


@router.get("/assets/{version}/{name}")
async def asset(request: Request, version: str, name: str) -> Response:
    """A file of the page. No session is needed."""
    found = ASSETS.files.get(name)
    if found is None:
        raise HTTPException(404)
    headers = {
        "Cache-Control": _FOREVER if version == ASSETS.version else "no-store",
        "Vary": "Accept-Encoding",
    }
    if accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return Response(found.zipped, headers=headers, media_type=found.media_type)
    return Response(found.content, headers=headers, media_type=found.media_type)


@router.get("/favicon.ico")
async def favicon() -> Response:
    """The mark, at the address that browsers ask for by themselves."""
    found = ASSETS.files["mark.svg"]
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(found.content, headers=headers, media_type=found.media_type)


def accepts_gzip(request: Request) -> bool:
    """Whether the client takes a body that is compressed by gzip."""
    return "gzip" in request.headers.get("accept-encoding", "").lower()
