"""What the page says after a fix, and about what is wrong in its form."""

from collections import Counter

from app.domain.orders.cancellation import Reason
from app.usecases.attention.fix import FixedGroup
from app.web.page.i18n import deferred
from app.web.page.viewer import Viewer

REASONS = {
    Reason.OUT_OF_STOCK: deferred("Out of stock"),
    Reason.PRICING_ERROR: deferred("Wrong price"),
    Reason.ADDRESS_NOT_SERVICEABLE: deferred("Cannot be delivered to the address"),
    Reason.FRAUD: deferred("Fraud"),
}
"""Reasons that a store may have as its usual one."""
_PROBLEMS = {
    ("tracking_url", "required"): deferred("The address is missing."),
    ("tracking_url", "tracking_url_invalid"): deferred(
        "An address begins with https:// and has {tracking_number} where the number belongs."
    ),
    ("method_code", "required"): deferred("Choose a method."),
    ("method_code", "method_code_invalid"): deferred("Choose a method."),
    ("reason", "required"): deferred("Choose a reason."),
    ("reason", "reason_invalid"): deferred("Choose a reason."),
    ("note", "required"): deferred("Write what was done instead."),
}
_OTHER = deferred("This cannot be read. Correct it, or open the page again.")
_GOING = ("queued", "waiting")
_DONE = ("done", "already_applied")


def problem(viewer: Viewer, name: str, code: str) -> str:
    """What is wrong with a field."""
    return viewer.gettext(_PROBLEMS.get((name, code), _OTHER))


def said(viewer: Viewer, fixed: FixedGroup) -> str:
    """What a fix did, in a sentence or two."""
    counts = Counter(each.will for each in fixed.data)
    going = sum(counts.pop(will, 0) for will in _GOING)
    done = sum(counts.pop(will, 0) for will in _DONE)
    changed = counts.pop("changed", 0)
    left = sum(counts.values())
    sentences = [
        viewer.ngettext("%(num)s goes out now.", "%(num)s go out now.", going),
        viewer.ngettext("%(num)s is settled.", "%(num)s are settled.", done),
        viewer.ngettext(
            "%(num)s changed in the meantime and stays as it is.",
            "%(num)s changed in the meantime and stay as they are.",
            changed,
        ),
        viewer.ngettext(
            "%(num)s cannot be helped this way.",
            "%(num)s cannot be helped this way.",
            left,
        ),
    ]
    some = [text for text, n in zip(sentences, (going, done, changed, left), strict=True) if n]
    if fixed.job_url is not None:
        some.append(viewer.gettext("Waybill goes on with the others by itself."))
    return " ".join(some) or viewer.gettext("There was nothing left to do.")
