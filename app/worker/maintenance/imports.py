"""Imports the orders and returns of a store, and logs what the run did."""

import dataclasses

import structlog

from app.worker.importer.importer import Importer

_log = structlog.get_logger(__name__)


async def import_store(importer: Importer, store_id: int) -> None:
    """Run the importer for a store. A complete run that found nothing new is not logged."""
    totals = await importer.run(store_id)
    if totals is None:
        return
    incomplete = totals.stopped or totals.unreadable or totals.postponed
    if incomplete or any((totals.imported, totals.changed, totals.returns)):
        log = _log.warning if incomplete else _log.info
        log("imported", store_id=store_id, **dataclasses.asdict(totals))
