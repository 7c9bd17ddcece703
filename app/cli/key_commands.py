"""`waybill keys`: its sub-commands and their options; `api_keys.py` does what they ask for.

Each command imports only what it needs, as `main.py` says.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from app.domain.key_name import LONGEST_NAME, is_name
from app.domain.scope import Scope

app = typer.Typer(help="API keys: create, list, rotate, revoke.", no_args_is_help=True)


def key_name(name: str) -> str:
    """A name that a key or a person may have. Raises typer.BadParameter."""
    if not is_name(name):
        raise typer.BadParameter(f"A name is one line of 1 to {LONGEST_NAME} characters.")
    return name


@app.command("create")
def create_key(
    name: Annotated[
        str, typer.Option(callback=key_name, help="The key's name; timelines show it.")
    ],
    store: Annotated[
        str | None, typer.Option(help="The one store it may see, by its code or id.")
    ] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do.")] = None,
    oauth: Annotated[
        bool, typer.Option("--oauth", help="Credentials that sign requests by OAuth 1.0a.")
    ] = False,
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Until when it works, UTC."),
    ] = None,
) -> None:
    """Create an API key and show it, once."""
    from app.cli import api_keys
    from app.settings import load

    scopes = scope or [Scope.READ, Scope.WRITE]
    until = None if expires is None else expires.replace(tzinfo=UTC)
    wanted = api_keys.WantedKey(name, store, scopes, until)
    if oauth:
        for line in api_keys.create_oauth(load(), wanted):
            print(line)
    else:
        print(api_keys.create(load(), wanted))


@app.command("list")
def list_keys() -> None:
    """List API keys, never their secrets."""
    from app.cli import api_keys
    from app.settings import load

    for line in api_keys.listed(load()):
        print(line)


@app.command("rotate")
def rotate_key(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    overlap: Annotated[
        str, typer.Option(help="How long the old secret still works: 0, 30m, 24h, 7d.")
    ] = "24h",
) -> None:
    """Give an API key a new secret and show it, once."""
    from app.cli import api_keys
    from app.settings import load

    try:
        duration = api_keys.parsed_overlap(overlap)
    except ValueError as error:
        raise typer.BadParameter(f"--overlap {overlap}: {error}") from error
    secret, ending = api_keys.rotate(load(), name, duration)
    print(secret)
    typer.echo(ending, err=True)


@app.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """End an API key within seconds."""
    from app.cli import api_keys
    from app.settings import load

    print(api_keys.revoke(load(), name))
