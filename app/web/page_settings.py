"""What a deployment may set about the page."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class DemoAct(StrEnum):
    """What the demo's strip lets happen at the simulated Walmart."""

    ORDER = "order"
    SEND_BACK = "send-back"
    ASK_TO_CANCEL = "ask-to-cancel"
    REFUSE = "refuse"


class DemoControl(Protocol):
    """Lets buyers and Walmart act in the simulator."""

    async def act(self, act: DemoAct) -> str | None:
        """Let something happen; returns the number of its purchase order, or "" without one.

        None means that no order is in a state for it, or that the simulator does not answer.
        """


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Settings of the page."""

    public_url: str | None = None
    """Address of the deployment. None means that links are built from the request's host."""
    frame_ancestors: str | None = None
    """Origins that may show the page in a frame, separated by blanks. None forbids frames."""
    demo: DemoControl | None = None
    """Controls the simulator. None outside the demo."""
