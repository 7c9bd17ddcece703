"""The form of the words of codes and events, and what becomes of them for one person."""

from dataclasses import dataclass
from enum import StrEnum


class Leads(StrEnum):
    """Where the button of a code leads."""

    FIX = "fix"
    RETRY = "retry"
    SHIP = "ship"
    STORE = "store"
    COMMERCE = "commerce"
    SELLER_CENTER = "seller_center"
    RETURNS = "returns"


@dataclass(frozen=True, slots=True)
class CodeWords:
    """The words of a code: what happened, what to do, and a button."""

    sentence: str
    todo: str
    button: str
    leads: Leads
    exact: str | None = None
    """The sentence where the values in it are known."""
    exact_button: str | None = None


@dataclass(frozen=True, slots=True)
class EventWords:
    """The words of a timeline's event, with its icon and its tone."""

    icon: str
    tone: str
    sentence: str
    more: str | None = None
    """A second line, where the values in it are known."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person reads, in the person's language."""

    sentence: str
    todo: str
    button: str
    leads: Leads
