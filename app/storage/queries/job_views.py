"""Reads jobs into views."""

from uuid import UUID

from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sql import Statement
from app.storage.queries.views import JobResultView, JobView

_JOB = Statement("""
    SELECT j.*, s.id AS store_uuid FROM jobs j LEFT JOIN stores s ON s.store_id = j.store_id
     WHERE j.store_id = :store_id AND j.id = :id
""")


async def job(reader: Reader, store_id: int, job_id: UUID) -> JobView | None:
    """One job."""
    rows = await _JOB.fetch(reader, {"store_id": store_id, "id": job_id})
    return _view(rows[0]) if rows else None


def _view(row: Row) -> JobView:
    results = [
        JobResultView(
            each["result"], each["count"], each["explanation"], tuple(map(UUID, each["ids"]))
        )
        for each in row["results"]
    ]
    return JobView(
        id=row["id"],
        store_id=row["store_uuid"],
        kind=row["kind"],
        state=row["state"],
        actor=row["actor"],
        total=row["total"],
        done=row["done"],
        succeeded=row["succeeded"],
        refused=row["refused"],
        skipped=row["skipped"],
        results=tuple(results),
        error=row["error"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        updated_at=row["updated_at"],
        finished_at=row["finished_at"],
    )
