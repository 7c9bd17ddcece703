"""Parser of `postgresql://` addresses, for SQLAlchemy and for asyncpg.

One parser for both, so that the pool and the LISTEN connection always lead to the same database.
The form is libpq's (PostgreSQL manual, "Connection URIs").
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from sqlalchemy import URL

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
PARAMETERS = ("dbname", "host", "password", "port", "sslmode", "user")

_FORM = re.compile(
    r"(?P<scheme>[a-z+0-9]+)://(?:(?P<account>[^/?#]*)@)?(?P<place>[^/?#@]*)"
    r"(?:/(?P<database>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_PLACE = re.compile(r"(?P<host>\[[^\]]+\]|[^:]*)(?::(?P<port>\d*))?")


class BadDatabaseUrl(ValueError):
    """The address cannot be used; the message never repeats it: it may contain a password."""


@dataclass(frozen=True, slots=True)
class _Target:
    """The location of the database. None means the driver's own default."""

    user: str | None
    password: str | None
    host: str | None
    port: int | None
    database: str | None
    sslmode: str | None

    @property
    def on_socket(self) -> bool:
        """Whether the host is a folder with a unix socket."""
        return self.host is not None and self.host.startswith("/")


def sqlalchemy_url(url: str) -> URL:
    """The address for `create_async_engine`, with asyncpg.

    Raises BadDatabaseUrl for an address with an unsupported part.
    """
    target = _parse(url)
    query: dict[str, str] = {}
    if target.sslmode:
        query["ssl"] = target.sslmode
    if target.on_socket:
        # SQLAlchemy takes no folder as the host: it would write the path as part of the address.
        query["host"] = target.host or ""
        query["port"] = str(target.port or 5432)
    return URL.create(
        "postgresql+asyncpg",
        username=target.user,
        password=target.password,
        host=None if target.on_socket else target.host,
        port=None if target.on_socket else target.port,
        database=target.database,
        query=query,
    )


def asyncpg_arguments(url: str) -> dict[str, Any]:
    """The keyword arguments for `asyncpg.connect`. Raises BadDatabaseUrl."""
    target = _parse(url)
    arguments = {
        "user": target.user,
        "password": target.password,
        "host": target.host,
        "port": target.port,
        "database": target.database,
        "ssl": target.sslmode,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _parse(url: str) -> _Target:
    form = _FORM.fullmatch(url.strip())
    if form is None or form["scheme"] not in {"postgresql", "postgres"}:
        raise BadDatabaseUrl(
            "The database address must look like postgresql://user:password@host:5432/name; "
            "write special characters in the password percent-encoded (@ is %40, / is %2F)."
        )
    parameters = _parameters(form["query"] or "")
    user, _, password = (form["account"] or "").partition(":")
    host, port = _place(form["place"])
    return _Target(
        user=parameters.get("user") or unquote(user) or None,
        password=parameters.get("password") or unquote(password) or None,
        host=parameters.get("host") or host,
        port=_port(parameters.get("port") or port),
        database=parameters.get("dbname") or unquote(form["database"] or "") or None,
        sslmode=_sslmode(parameters.get("sslmode")),
    )


def _parameters(query: str) -> dict[str, str]:
    # libpq takes a plus sign literally; parse_qsl alone would read a space.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    for name, _ in pairs:
        if name not in PARAMETERS:
            hint = ""
            if name == "sslrootcert":
                hint = " Name the certificate file in the variable PGSSLROOTCERT instead."
            raise BadDatabaseUrl(
                f"The database address has the parameter {name!r}, which Waybill does not know "
                f"(it knows {', '.join(PARAMETERS)}).{hint}"
            )
    return dict(pairs)


def _place(place: str) -> tuple[str | None, str | None]:
    found = _PLACE.fullmatch(place)
    if found is None or "," in place:
        raise BadDatabaseUrl("The database address must name one host, with at most one port.")
    return unquote(found["host"]).strip("[]") or None, found["port"]


def _port(port: str | None) -> int | None:
    if not port:
        return None
    if not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004 - TCP's own limit
        raise BadDatabaseUrl(f"The database address has the port {port!r}, which is no port.")
    return int(port)


def _sslmode(mode: str | None) -> str | None:
    if mode is None or mode in SSL_MODES:
        return mode
    raise BadDatabaseUrl(
        f"The database address has sslmode={mode!r}; it must be one of {', '.join(SSL_MODES)}."
    )
