"""Texts that make a pattern which backtracks look at each character again and again."""

import time
from collections.abc import Callable

# Each is repeated until a text is as long as wanted.
PIECES = (
    '"', "'", '"a" : "b" ', '"address":1,', '"addressaddressaddressaddress', '"a":"\\\\\\',
    "<name ", "<a b>c", "<error>", "<ns:error ", "</error", "<error><code>", "<cause ",
    "a@", "a@b.", "a.", "a", "eyJ-", "eyJ.", "Basic ", "(202) ", "202-", "token ", "token=",
    "tokentokentoken", "\\", " ", '"name" ' + " " * 200, "%1",
)  # fmt: skip


def text_of(piece: str, length: int) -> str:
    """A text of a length."""
    return (piece * (length // len(piece) + 1))[:length]


def work(task: Callable[[], object]) -> float:
    """What a task costs of this thread's processor time, whatever else the machine does."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        task()
        best = min(best, time.thread_time() - began)
    return best
