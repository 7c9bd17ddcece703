"""Recovers after a restored backup: no open update is believed until Walmart has been read.

What was accepted, sent or settled after the backup is missing from it. So every open update may
have reached Walmart (`prepare`), and Walmart may have what is not stored here
(`recover_reads.py`).
"""

from datetime import datetime

from app.domain.audited_act import AuditedAct
from app.storage import audit
from app.storage.audit import Act
from app.storage.recording import recovery
from app.usecases.context import AppContext
from app.usecases.imports.recover_report import RecoverReport


async def prepare(context: AppContext, until: datetime, report: RecoverReport) -> None:
    """Put every open update in doubt until then, and end stock values that may be outdated.

    Raises NotAvailable.
    """
    store_id = report.store_id
    while True:
        async with context.transaction() as connection:
            count = await recovery.doubt(connection, store_id, until)
        report.in_doubt += count
        if not count:
            break
    while True:
        async with context.transaction() as connection:
            # mutation: restore-ends-open-levels
            levels = await recovery.end_levels(connection, store_id, until, context.new_id)
            # mutation: restore-forgets-cancellation-levels
            levels += await recovery.forget_levels(connection, store_id, until)
        report.levels += levels
        if not levels:
            break
    after = {"in_doubt": report.in_doubt, "levels": len(report.levels)}
    act = Act(AuditedAct.RECOVERED, audit.COMMAND, "updates", store_id, after=after)
    async with context.transaction() as connection:
        await audit.record(connection, context.new_id, act)
    context.wake()
