"""What Adobe Commerce and Adobe I/O are answered."""

from pydantic import BaseModel


class OperationOut(BaseModel):
    """Commerce's form of an answer: success, or exception with a message for the merchant."""

    op: str
    message: str | None = None


class EventsOut(BaseModel):
    """What came of each event: accepted, known, corrected, ignored, waiting, refused with a code.

    One that is waiting is kept, and carried out by itself once what it is about is there.
    """

    results: list[str]
