"""What a request leaves of a cause: a job does the same to the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.domain.attention import GroupAction
from app.storage.queries.views import JobView
from app.usecases.attention.members import Fixing
from app.usecases.attention.requests import FixRequest
from app.usecases.jobs import create, kinds
from app.usecases.jobs.selection import Selection


@dataclass(frozen=True, slots=True)
class GivenToRest:
    """What the job of a cause is given."""

    action: GroupAction
    store: UUID
    request: FixRequest


_GIVEN: TypeAdapter[GivenToRest] = TypeAdapter(GivenToRest)


async def begin(fixing: Fixing, behind: tuple[str, str]) -> JobView:
    """Make a job for the cases of a cause behind one. behind: its place in their order."""
    given = GivenToRest(fixing.action, fixing.store, fixing.given)
    return await create.create(
        fixing.context,
        kinds.FIX,
        Selection(cause=fixing.cause, behind=behind),
        _GIVEN.dump_python(given, mode="json"),
        store_id=fixing.cause.store_id,
        actor=fixing.actor,
    )


def given(options: Mapping[str, Any]) -> GivenToRest:
    """What a job was given."""
    return _GIVEN.validate_python(options)
