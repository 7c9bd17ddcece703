"""Dry runs: what an act would be answered, as a document that says so.

An act that would be refused is a success of its dry run, with the problems that it would have.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Query

from app.domain.errors import Conflict, Invalid, Problem
from app.web.problem_documents import ErrorItem

Result = TypeVar("Result")
# Not in the API document, where each operation has one type of answer.
DryRun = Annotated[bool, Query(alias="dry_run", include_in_schema=False)]


@dataclass(frozen=True, slots=True)
class Rehearsed(Generic[Result]):
    """What a use case returned in a dry run; None with the problems that would refuse it."""

    result: Result | None
    problems: tuple[Problem, ...] = ()


async def rehearse(act: Awaitable[Result]) -> Rehearsed[Result]:
    """Await a use case that got a context of a rehearsal. Raises Unknown and NotAvailable."""
    try:
        return Rehearsed(await act)
    except (Conflict, Invalid) as error:
        return Rehearsed(None, error.problems or (Problem(error.code, str(error)),))


def items(problems: Sequence[Problem]) -> list[ErrorItem]:
    """Problems as they are shown in a document."""
    return [ErrorItem(pointer=p.pointer, code=p.code, message=p.message) for p in problems]
