"""/demo: what the strip of the demo lets buyers and Walmart do. There is none outside the demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, Response
from starlette.exceptions import HTTPException

from app.web.access import page_path, settings_of
from app.web.page.access import HOME
from app.web.page.context import PageWriting
from app.web.page.i18n import deferred
from app.web.page.route import PageRouter
from app.web.page_settings import DemoAct

router = PageRouter()


@dataclass(frozen=True, slots=True)
class DemoWords:
    """What the page says after an act, and where no order is in a state for it."""

    done: str
    impossible: str


_WORDS: Mapping[DemoAct, DemoWords] = {
    DemoAct.ORDER: DemoWords(
        deferred("A buyer ordered: %(number)s. Walmart announces it, so it is here in a moment."),
        deferred("The simulator does not answer."),
    ),
    DemoAct.SEND_BACK: DemoWords(
        deferred("The buyer of %(number)s sends it back. It is under Returns in a moment."),
        deferred("No order is shipped yet. Ship one first."),
    ),
    DemoAct.ASK_TO_CANCEL: DemoWords(
        deferred("The buyer of %(number)s asks to cancel. See what needs attention in a moment."),
        deferred("No open order is left. Let a buyer order first."),
    ),
    DemoAct.REFUSE: DemoWords(
        deferred("Walmart refuses the next shipment. Ship an order and see what happens."),
        deferred("The simulator does not answer."),
    ),
}


@router.post("/demo/{act}")
async def demo(
    context: PageWriting, act: DemoAct, then: Annotated[str, Form(max_length=4000)] = HOME
) -> Response:
    """Let something happen at the simulated Walmart."""
    control = settings_of(context.request).demo
    if control is None:
        raise HTTPException(404)
    number = await control.act(act)
    words = _WORDS[act]
    text = words.impossible if number is None else words.done
    notice = context.viewer.gettext(text, number=number)
    return context.redirect(page_path(context.request.app, then) or HOME, notice=notice)
