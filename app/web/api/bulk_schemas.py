"""What came of a file, as JSON."""

from uuid import UUID

from app.intake.bulk import ACCEPTED, KNOWN, REFUSED, Report, Result
from app.web.api.fields import Out


class TotalsOut(Out):
    """How many rows came to what."""

    accepted: int
    known: int
    refused: int


class ResultOut(Out):
    """What came of a row: accepted, known (done before) or refused, with the problem's code."""

    row: int
    status: str
    order: str | None
    order_id: UUID | None
    id: UUID | None
    code: str | None
    message: str | None

    @classmethod
    def of(cls, result: Result) -> "ResultOut":
        """Show a result."""
        return cls(**{name: getattr(result, name) for name in Result.__slots__})


class BulkOut(Out):
    """The totals first, then a result for each row."""

    totals: TotalsOut
    results: list[ResultOut]

    @classmethod
    def of(cls, report: Report) -> "BulkOut":
        """Show a report."""
        totals = report.totals
        return cls(
            totals=TotalsOut(
                accepted=totals[ACCEPTED], known=totals[KNOWN], refused=totals[REFUSED]
            ),
            results=[ResultOut.of(result) for result in report.results],
        )
