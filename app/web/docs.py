"""The documentation pages: Swagger UI from a wheel, so that no other host is needed."""

import base64
import hashlib
import html
import importlib.util
import re
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from app.web.problem_codes import CODES

_STATIC = "/docs/static"
_PARAMETERS = {
    "docExpansion": "list",
    "defaultModelsExpandDepth": -1,
    "displayRequestDuration": True,
    "persistAuthorization": False,
    "tryItOutEnabled": False,
    "syntaxHighlight": {"theme": "nord"},
}
_STYLE = """
body { margin: 0 } .swagger-ui .topbar { display: none }
.swagger-ui .info { margin: 28px 0 12px } .swagger-ui .wrapper { max-width: 1100px }
"""
# Earlier versions let Swagger UI store the API key, which every script of the origin can read.
_FORGET = 'localStorage.removeItem("authorized")'
_PAGE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8884;
  vertical-align: top }
tr:target { background: #f2c03744 } code { font: .95em ui-monospace, monospace }
"""


def install(app: FastAPI) -> None:
    """Add `/docs` and the table of problem codes."""
    spec = importlib.util.find_spec("fastapi_offline")
    assert spec is not None  # noqa: S101 - a pinned dependency
    assert spec.origin is not None  # noqa: S101 - it is a package on disk
    files = StaticFiles(directory=Path(spec.origin).parent / "static")
    page = _swagger(app)
    policy = _policy(page)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    @app.get(f"{_STATIC}/{{file}}", include_in_schema=False)
    async def static(request: Request, file: str) -> Response:
        return await files.get_response(file, request.scope)

    @app.get("/docs/problems", include_in_schema=False)
    async def problems(_: Request) -> Response:
        headers = {"Content-Security-Policy": _style_policy(_PAGE)}
        return HTMLResponse(_problems_page(), headers=headers)


def _swagger(app: FastAPI) -> str:
    rendered = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=f"{app.title} API",
        swagger_js_url=f"{_STATIC}/swagger-ui-bundle.js",
        swagger_css_url=f"{_STATIC}/swagger-ui.css",
        swagger_favicon_url=f"{_STATIC}/favicon.png",
        swagger_ui_parameters=_PARAMETERS,
    )
    text = bytes(rendered.body).decode()
    head = f"<style>{_STYLE}</style><script>{_FORGET}</script></head>"
    return text.replace("</head>", head)


def _policy(page: str) -> str:
    """The Content-Security-Policy that allows the page's own scripts, by their digests.

    Swagger UI sets styles on elements and draws its icons from data: URLs.
    """
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src 'self' {digests}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _style_policy(style: str) -> str:
    return f"default-src 'none'; style-src 'sha256-{_digest(style)}'; frame-ancestors 'none'"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _problems_page() -> str:
    rows = "".join(
        f'<tr id="{name}"><td><code>{name}</code></td><td>{code.status}</td>'
        f"<td>{html.escape(code.meaning)}</td></tr>"
        for name, code in sorted(CODES.items(), key=lambda item: (item[1].status, item[0]))
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Waybill problem codes</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_PAGE}</style>'
        "<h1>Problem codes</h1><p>Every error is a problem document (RFC 9457) with one of these "
        "values as its <code>code</code>. Nothing was written, except that a POST that was "
        "answered with 500 or 503 may have been carried out. Send it again with the same "
        "<code>Idempotency-Key</code>, and it is carried out once.</p>"
        "<table><thead><tr><th>code</th><th>status</th><th>meaning</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></html>"
    )
