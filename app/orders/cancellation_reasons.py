"""What Adobe's screens and documents call each reason to cancel; the first is shown.

Adobe words the reasons differently in its documents and in its selection box, so an
integrator may meet either.
"""

from app.orders.cancellation import Reason

LABELS: dict[Reason, tuple[str, ...]] = {
    Reason.PRICING_ERROR: ("Price or other listing errors",),
    Reason.OUT_OF_STOCK: ("The item is out of stock",),
    Reason.FRAUD: (
        "Additional information is needed by our Credit and Fraud Avoidance department",
        "Additional information is required by our Credit or Fraud Avoidance department",
    ),
    Reason.ADDRESS_NOT_SERVICEABLE: (
        "Unavailable carrier or shipping method",
        "Unavailable carrier or shipping information",
    ),
    # Adobe has no such reason: Walmart allows it only where the buyer asked.
    Reason.CUSTOMER_REQUEST: ("The buyer asked to cancel the order",),
}


def reason_of(said: str) -> str:
    """The reason of a code or of one of Adobe's labels; what is neither is given back as it is."""
    text = said.strip()
    for reason, labels in LABELS.items():
        if text.casefold() in {reason.value, *(label.casefold() for label in labels)}:
            return reason.value
    return text
