"""Folds the changes of order counts into their sums (decision 0010)."""

from app.storage.orders import counts
from app.storage.postgres.database import Database


async def fold_counts(database: Database) -> bool:
    """Add up a batch of changes."""
    return await counts.fold(database) >= counts.BATCH
