"""Texts on which a backtracking pattern would take quadratic time."""

import time
from collections.abc import Callable

# Each piece is repeated up to the wanted length.
PIECES = (
    '"', "'", '"a" : "b" ', '"address":1,', '"addressaddressaddressaddress', '"a":"\\\\\\',
    "<name ", "<a b>c", "<error>", "<ns:error ", "</error", "<error><code>", "<cause ",
    "a@", "a@b.", "a.", "a", "eyJ-", "eyJ.", "Basic ", "(202) ", "202-", "token ", "token=",
    "tokentokentoken", "\\", " ", '"name" ' + " " * 200, "%1",
)  # fmt: skip


def text_of(piece: str, length: int) -> str:
    """Repeat a piece up to a length."""
    return (piece * (length // len(piece) + 1))[:length]


def work(task: Callable[[], object]) -> float:
    """Return the processor time of a task in this thread, which does not depend on the load."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        task()
        best = min(best, time.thread_time() - began)
    return best
