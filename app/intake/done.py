"""What came of something that Commerce told."""

from dataclasses import dataclass

# Under this name it stands in the timeline.
ACTOR = "commerce"


@dataclass(frozen=True, slots=True)
class Done:
    """accepted, known, corrected, waiting, or ignored (with the reason why)."""

    what: str
    why: str = ""
