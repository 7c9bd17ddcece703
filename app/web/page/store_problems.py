"""What is wrong with a form about stores or keys, in words for the person, field by field."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.domain.errors import Conflict, Invalid, OrderError, Problem
from app.web.page.i18n import deferred
from app.web.page.viewer import Viewer
from app.web.schema_problems import problems_of

Model = TypeVar("Model", bound=BaseModel)
# The key of a problem that belongs to no field.
WHOLE = ""
_URL_WORDS = deferred("Enter an address that begins with https:// and contains {tracking_number}.")
_WORDS: Mapping[str, str] = {
    "required": deferred("Fill this in."),
    "store_code_invalid": deferred(
        "Begin with a letter; then letters, digits and underscores, at most 32."
    ),
    "store_code_taken": deferred("Another store has this code."),
    "store_name_taken": deferred("Another store has this name."),
    "walmart_account_taken": deferred(
        "Another store is connected to this Walmart account. An account has one store."
    ),
    "market_not_supported": deferred("Choose one of the markets."),
    "reason_invalid": deferred("Choose one of the reasons."),
    "time_zone_unknown": deferred("Enter a time zone such as America/Chicago."),
    "tracking_url_invalid": _URL_WORDS,
    "carrier_unknown": deferred("Walmart does not know this carrier. Choose Other."),
    "commerce_base_url_invalid": deferred(
        "Enter the shop's address, such as https://shop.example."
    ),
    "commerce_access_needed": deferred(
        "Waybill needs the address and the access token together. For a new address, enter the "
        "token again."
    ),
    "address_forbidden": deferred(
        "Waybill does not call this address. Use one on the internet, with https://."
    ),
    "notifications_url_invalid": deferred("Enter an address that begins with https://."),
    "notifications_secret_invalid": deferred(
        "After whsec_, enter 24 to 64 bytes in base64, or choose a secret without that beginning."
    ),
    "old_secret_until_invalid": deferred("The old secret can sign for at most 30 days."),
    "public_url_invalid": deferred(
        "Enter an address that begins with https:// and that Walmart can reach."
    ),
    "credentials_rejected": deferred("Walmart rejects the store's keys. Replace them first."),
    "webhooks_not_offered": deferred("Walmart does not offer announcements to this account."),
    "walmart_unavailable": deferred("Walmart does not answer just now. Try again in a minute."),
    "secret_unreadable": deferred("A stored secret cannot be read any more. Enter it again."),
    "notifications_not_set": deferred("This store has no address for notifications yet."),
    "key_name_invalid": deferred("Enter a name of at most 100 characters, in one line."),
    "key_name_taken": deferred("Another key has or had this name. Names are never used twice."),
    "key_expired": deferred("This key has expired. Make another one."),
    "key_signs": deferred("This key signs requests. Make another one, then revoke this one."),
    "key_revoked": deferred("This key was revoked before."),
    "admin_order_url_invalid": deferred(
        "Enter an address that begins with https:// and contains {entity_id}."
    ),
}
_INVALID = deferred("This is too short, too long, or has characters that cannot be used.")


def checked(model: type[Model], given: Mapping[str, Any]) -> Model:
    """A form as the body of the API's operation, which limits each field. Raises Invalid."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        problems = problems_of(found)[1]
        raise Invalid("invalid", str(problems[0].message), problems) from error


def problems_in(error: OrderError, viewer: Viewer) -> dict[str, str]:
    """The sentences of a refusal, by the JSON pointer of each field."""
    problems: Sequence[Problem] = error.problems or [Problem(error.code, str(error), WHOLE)]
    found: dict[str, str] = {}
    for problem in problems:
        found.setdefault(problem.pointer, sentence(problem.code, viewer))
    return found


def sentence(code: str, viewer: Viewer) -> str:
    """The sentence for a code."""
    return viewer.gettext(_WORDS.get(code, _INVALID))


def status_of(error: OrderError) -> int:
    """The HTTP status of a form that is shown again."""
    return 409 if isinstance(error, Conflict) else 422
