"""`waybill rotate-secrets`: encrypts all secrets with the newest of WAYBILL_ENCRYPTION_KEYS."""

import asyncio
from collections.abc import Iterator

from app import logs
from app.bootstrap import process
from app.domain.errors import NotAvailable
from app.endings import CannotGoOn
from app.settings import Settings
from app.storage.postgres import readiness
from app.usecases.stores import rotate_secrets
from app.usecases.stores.rotate_secrets import SecretsReport


class CannotRotate(CannotGoOn):
    """The database cannot be used; the message says why. What was done stays done."""


class SecretsLeft(Exception):
    """Some secrets are not encrypted with the newest key. Everything was printed."""


def run(settings: Settings) -> Iterator[str]:
    """Rotate, and yield lines to print. Raises CannotRotate, and SecretsLeft at the end."""
    logs.configure("error")
    report = asyncio.run(_run(settings))
    yield (
        f"{report.renewed} secrets were encrypted anew with the newest key, "
        f"{report.newest} were so before."
    )
    for each in report.unreadable:
        yield f"✘ {each}: no key of WAYBILL_ENCRYPTION_KEYS decrypts it"
    if report.older:
        yield f"{report.older} were changed meanwhile. Run it again."
    if report.unreadable or report.older:
        raise SecretsLeft
    yield "No secret needs an older key."


async def _run(settings: Settings) -> SecretsReport:
    async with process.opened(settings) as parts:
        try:
            why_not = await readiness.not_ready(parts.database)
            if why_not is not None:
                raise CannotRotate(why_not)
            return await rotate_secrets.rotate(parts.context)
        except NotAvailable as error:
            raise CannotRotate(f"{error} Nothing is lost: run it again.") from error
