"""What a deployment may set about the page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Settings of the page."""

    public_url: str | None = None
    """Address of the deployment. None means that links are built from the request's host."""
    frame_ancestors: str | None = None
    """Origins that may show the page in a frame, separated by blanks. None forbids frames."""
