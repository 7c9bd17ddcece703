"""What Walmart is answered."""

from app.web.api.fields import Out


class AnnouncedOut(Out):
    """known: the event was announced before."""

    known: bool
