"""Encrypts every secret of the database with the newest key, so that older keys can be dropped.

Works in batches, each a transaction of its own, while the service runs: a secret that a person
changes meanwhile stays as the person set it. What is encrypted with the newest key already is
passed over, so a run that broke off is continued by another.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from app.domain.audited_act import AuditedAct
from app.storage import audit
from app.storage.audit import Act
from app.storage.postgres.database import Connection
from app.storage.stores import sealed
from app.storage.stores.sealed import SealedRow
from app.storage.stores.secrets import CannotDecrypt, SecretCipher
from app.usecases.context import AppContext

BATCH = 100


@dataclass(slots=True)
class SecretsReport:
    """How many secrets there are of each sort."""

    newest: int = 0
    """Encrypted with the newest key before."""
    renewed: int = 0
    """Encrypted with the newest key now."""
    older: int = 0
    """Still encrypted with an older key."""
    unreadable: list[str] = field(default_factory=list)
    """Column and row of each secret that no key decrypts."""

    @property
    def total(self) -> int:
        """All secrets."""
        return self.newest + self.renewed + self.older + len(self.unreadable)


async def rotate(context: AppContext) -> SecretsReport:
    """Encrypt all secrets with the newest key. A secret that changed meanwhile counts as older."""
    report = SecretsReport()
    async for table, rows in _batches(context):
        async with context.transaction() as connection:
            renewed = await _renew(connection, rows, context.cipher, report)
            if renewed:
                after = {"secrets": renewed}
                act = Act(AuditedAct.SECRETS_REENCRYPTED, audit.COMMAND, table, after=after)
                await audit.record(connection, context.new_id, act)
        report.renewed += renewed
    return report


async def examine(context: AppContext) -> SecretsReport:
    """Count the secrets by the key that they need, and change nothing."""
    report = SecretsReport()
    async for _, rows in _batches(context):
        for row in rows:
            for name, value in row.values.items():
                if _needs_renewal(context.cipher, value, report) and _renewed(
                    context.cipher, value, f"{row.table}.{name} of {row.key}", report
                ):
                    report.older += 1
    return report


async def _batches(context: AppContext) -> AsyncIterator[tuple[str, Sequence[SealedRow]]]:
    for table in sealed.tables():
        after = None
        while True:
            async with context.database.begin() as connection:
                rows = await sealed.read(connection, table, after, BATCH)
            if rows:
                yield table, rows
            if len(rows) < BATCH:
                break
            after = rows[-1].key


async def _renew(
    connection: Connection,
    rows: Sequence[SealedRow],
    cipher: SecretCipher,
    report: SecretsReport,
) -> int:
    done = 0
    for row in rows:
        for name, value in row.values.items():
            if not _needs_renewal(cipher, value, report):
                continue
            renewed = _renewed(cipher, value, f"{row.table}.{name} of {row.key}", report)
            if renewed is None:
                continue
            if await sealed.replace(connection, row, name, renewed):
                done += 1
            else:
                report.older += 1
    return done


def _needs_renewal(cipher: SecretCipher, value: bytes, report: SecretsReport) -> bool:
    if cipher.is_newest(value):
        report.newest += 1
        return False
    return True


def _renewed(cipher: SecretCipher, value: bytes, what: str, report: SecretsReport) -> bytes | None:
    try:
        return cipher.renew(value)
    except CannotDecrypt:
        report.unreadable.append(what)
        return None
