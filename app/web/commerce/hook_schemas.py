"""What Adobe Commerce and Adobe I/O are answered."""

from pydantic import BaseModel


class OperationOut(BaseModel):
    """Commerce's form of an answer: success, or exception with a message for the merchant."""

    op: str
    message: str | None = None


class EventsOut(BaseModel):
    """What came of each event: accepted, known, corrected, ignored, or refused with a code."""

    results: list[str]
