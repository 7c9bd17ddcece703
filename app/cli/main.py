"""The `waybill` command: its sub-commands and their options; each is implemented in its own file.

Exit codes: 0 success, 1 failure, 2 wrong usage or configuration. Each command imports only what it
needs, as importing everything takes two seconds.
"""

import asyncio
import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.cli import key_commands, lean
from app.cli.key_commands import key_name
from app.domain.notification_kind import NotificationKind
from app.domain.scope import Scope
from app.endings import CannotGoOn

app = typer.Typer(
    name="waybill",
    help="Waybill keeps Walmart Marketplace in step with Adobe Commerce.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(key_commands.app, name="keys")
webhooks_app = typer.Typer(help="Walmart's webhooks: subscribe.", no_args_is_help=True)
app.add_typer(webhooks_app, name="webhooks")
notifications_app = typer.Typer(help="Notifications: send them again.", no_args_is_help=True)
app.add_typer(notifications_app, name="notifications")
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="TCP port to listen on.")]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        from app.version import VERSION

        print(VERSION)
        raise typer.Exit


@app.command("serve")
def serve_command(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    no_poller: Annotated[bool, typer.Option("--no-poller", help="Only the API.")] = False,
) -> None:
    """Run the API, with a poller inside."""
    from app.cli import serve
    from app.settings import load

    serve.serve(load(), host=host, port=port, with_poller=not no_poller)


@app.command("poller")
def poller_command(
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Deliveries under way at once.")
    ] = None,
    host: Host = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="TCP port for /livez and /readyz; none without it."),
    ] = None,
) -> None:
    """Run a poller alone; as many as you like on one database."""
    from app.cli import poller
    from app.settings import load

    settings = load()
    changes = {} if concurrency is None else {"poller_concurrency": concurrency}
    poller.poll(settings.model_copy(update=changes), host=host, port=port)


@app.command("migrate")
def migrate_command(
    grant_to: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="Give the application's role its rights to all tables."),
    ] = None,
) -> None:
    """Bring the database's schema to this version's; safe to run from every replica."""
    from app.cli import migrate
    from app.settings import load

    print(migrate.migrate(load(), grant_to=grant_to))


@app.command("distribute")
def distribute_command(
    shards: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="Parts of each table. Default: the cluster's citus.shard_count.",
        ),
    ] = None,
) -> None:
    """On a cluster (Citus): check it, and distribute the tables by store; may be run again."""
    from app.cli import distribute
    from app.settings import load

    for line in distribute.run(load(), shards=shards):
        print(line)


@app.command()
def simulator(
    host: Host = "127.0.0.1",
    port: Port = 8090,
    name: Annotated[
        list[str] | None, typer.Option(help="A further host name by which it is called.")
    ] = None,
) -> None:
    """Run the Walmart simulator alone. Never expose it."""
    from app.simulator import serve

    serve.serve(host=host, port=port, names=name or ())


@app.command("demo")
def demo_command(port: Port = 8080, simulator_port: Port = 8090) -> None:
    """Run everything on an embedded database, with a Walmart simulator and sample orders."""
    from app.cli import demo
    from app.settings import load

    raise typer.Exit(demo.run(load(), port=port, simulator_port=simulator_port))


@app.command("doctor")
def doctor_command(
    backup_stamp: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file that each backup touches: its age is checked."),
    ] = None,
) -> None:
    """Check configuration, database, migrations, keys and Walmart; say what to do."""
    raise typer.Exit(0 if asyncio.run(_examine(backup_stamp)) else 1)


async def _examine(backup: Path | None) -> bool:
    from app import logs
    from app.cli import doctor
    from app.settings import load

    # Log lines would appear between the findings.
    logs.configure("error")
    fine = True
    async for finding in doctor.examine(load(), backup=backup):
        print(*finding.lines(), sep="\n")
        fine = fine and (finding.fine or not finding.serious)
    return fine


@app.command("reconcile")
def reconcile_command(
    store: Annotated[str | None, typer.Option(help="The one store, by its code or id.")] = None,
    since: Annotated[str, typer.Option(help="30m, 24h, 7d, or a date.")] = "24h",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare recent orders with Walmart's, repair what is safe, list the rest."""
    from app.cli import reconcile
    from app.settings import load

    try:
        begin = reconcile.since(since, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(f"--since {since}: {error}") from error
    try:
        for line in reconcile.run(load(), store=store, begin=begin, as_json=as_json):
            print(line)
    except reconcile.NeedsAttention:
        raise typer.Exit(1) from None


@app.command("recover")
def recover_command(
    since: Annotated[
        str | None, typer.Option(help="30m, 24h, 7d, or a date. Default: the newest row's time.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """After a restored backup: put open updates in doubt, read Walmart, list what is unknown."""
    from app.cli import reconcile, recover
    from app.settings import load

    try:
        begin = reconcile.since(since, datetime.now(UTC)) if since else None
    except ValueError as error:
        raise typer.BadParameter(f"--since {since}: {error}") from error
    try:
        recover.run(load(), since=begin, as_json=as_json, echo=typer.echo)
    except recover.CouldNotRead:
        raise typer.Exit(1) from None


@app.command("rotate-secrets")
def rotate_secrets_command() -> None:
    """Encrypt all secrets with the newest encryption key, so that older keys can be dropped."""
    from app.cli import rotate_secrets
    from app.settings import load

    try:
        for line in rotate_secrets.run(load()):
            print(line)
    except rotate_secrets.SecretsLeft:
        raise typer.Exit(1) from None


@app.command("erase")
def erase_command(
    order: Annotated[str, typer.Option(help="The purchase order number.")],
    store: Annotated[
        str | None, typer.Option(help="Its store, by code or id, if several have the number.")
    ] = None,
) -> None:
    """Erase the text of an order at rest: comments, notes, refusals, bodies of calls."""
    from app.cli import erase
    from app.settings import load

    print(erase.run(load(), number=order, store=store))


@app.command("import-shipments")
def import_shipments_command(
    file: Annotated[Path, typer.Argument(help="A CSV file; docs/commands.md lists its columns.")],
    store: Annotated[str, typer.Option(help="The store, by its code or id.")],
) -> None:
    """Ship what each row of a CSV file says; the same file may be given again."""
    from app.cli import import_shipments
    from app.settings import load

    rows = import_shipments.read(file)
    with typer.progressbar(length=len(rows), label=f"Shipping {len(rows)} rows") as bar:
        report = import_shipments.run(
            load(), store=store, rows=rows, progress=lambda done: bar.update(done - bar.pos)
        )
    for line in import_shipments.totals_line(report):
        print(line)
    if report.totals["refused"]:
        raise typer.Exit(1)


@webhooks_app.command("subscribe")
def subscribe_webhooks(
    store: Annotated[str, typer.Option(help="The store, by its code or id.")],
    url: Annotated[str, typer.Option(help="Where Walmart reaches this API, https://….")],
) -> None:
    """Subscribe to Walmart's webhooks for orders and returns, with a new secret."""
    from app.cli import webhooks
    from app.settings import load

    if not url.startswith(("https://", "http://")):
        raise typer.BadParameter("--url is an http or https address")
    for line in webhooks.subscribe(load(), store=store, url=url):
        print(line)


@notifications_app.command("replay")
def replay_notifications(
    store: Annotated[str, typer.Option(help="The store, by its code or id.")],
    since: Annotated[str, typer.Option(help="30m, 24h, 7d, or a date. Messages are kept 30 days.")],
    kind: Annotated[
        list[NotificationKind] | None, typer.Option(help="Only this kind; may be repeated.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that arrived as well as those that did not.")
    ] = False,
) -> None:
    """Send a store's notifications again, with the same ids: by default those not delivered."""
    from app.cli import notifications, reconcile
    from app.settings import load

    try:
        begin = reconcile.since(since, datetime.now(UTC))
    except ValueError as error:
        wanted = "give 30m, 24h, 7d, or a date within the last 30 days"
        raise typer.BadParameter(f"--since {since}: {wanted}") from error
    try:
        for line in notifications.run(
            load(), store=store, begin=begin, kinds=kind or [], everything=everything
        ):
            print(line)
    except notifications.NotAllSent:
        raise typer.Exit(1) from None


@app.command("sign-in")
def sign_in_command(
    name: Annotated[
        str, typer.Option(callback=key_name, help="The person's name; timelines show it.")
    ],
    scope: Annotated[Scope, typer.Option(help="What the person may do.")] = Scope.WRITE,
    store: Annotated[
        str | None, typer.Option(help="The one store they may see, by its code or id.")
    ] = None,
) -> None:
    """Print a link that signs a person in to the page, once, within 10 minutes."""
    from app.cli import sign_in
    from app.settings import load

    print(sign_in.link(load(), name=name, scope=scope, store=store))


def main() -> NoReturn:
    """Run the command; failures are one line on stderr."""
    # What imports make lives to the end. Looking at it again and again is a tenth of a start, and
    # another tenth at the end.
    gc.set_threshold(1_000_000)
    lean.make_lean(app)
    try:
        app()
    except CannotGoOn as error:
        sys.stderr.write(f"waybill: {error}\n")
        sys.exit(error.exit_code)
    finally:
        gc.freeze()
    sys.exit(0)


if __name__ == "__main__":
    main()
