"""Pages that are still to come, so that each link of the header leads somewhere."""

from fastapi import Response

from app.web.page.context import PageReading
from app.web.page.i18n import deferred
from app.web.page.route import PageRouter

router = PageRouter()


@router.get("/returns")
async def returns(context: PageReading) -> Response:
    """Returns."""
    return context.render("placeholder.html", title=deferred("Returns"))
