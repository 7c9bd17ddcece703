"""/rest/{store_code}/V1/integration/…/token: refuses to issue tokens, and says what to use."""

from fastapi import Response

from app.domain.errors import Invalid
from app.web.commerce import problems
from app.web.commerce.route import CommerceRouter
from app.web.path_rules import PathRule

_PATH = "/rest/{store_code}/V1/integration"
# PHP clients send forms here.
# mutation: token-form
_TYPES = ("application/json", "application/x-www-form-urlencoded")
router = CommerceRouter(
    _PATH,
    "commerce",
    PathRule(f"{_PATH}/", media_types=_TYPES, render=problems.render),
)
_INSTEAD = (
    "Waybill issues no tokens for user names and passwords. Create an API key with `waybill keys "
    "create` and send it where you would send the token: `Authorization: Bearer <key>`. Or sign "
    "requests by OAuth 1.0a, with the credentials of `waybill keys create --oauth`."
)


# mutation: token-endpoints
@router.post("/admin/token", include_in_schema=False)
@router.post("/customer/token", include_in_schema=False)
async def refuse_token() -> Response:
    """Refuse. Raises Invalid, without reading the user name and password."""
    raise Invalid("tokens_not_issued", _INSTEAD)
