"""Makes docs/commerce-paths.md from the code and from the list of Adobe's paths.

Run it by `python -m tests.contract.write_commerce_paths`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from app.web import export
from app.web.commerce.without_meaning import REFUSED

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "commerce-paths.md"
_ADOBE = Path(__file__).with_name("commerce_paths.txt").read_text().splitlines()
_BASE = "/rest/{store_code}/V1"
# Groups of paths that are not about orders, and why they are not here.
OUT = {
    "The catalog is Commerce's own": (
        "attributeMetadata bundle-products categories configurable-products eav products "
        "products-render-info search sharedCatalog"
    ),
    "Waybill has no customers and no companies: it stores no buyer's data": (
        "addresses company companyCredits customerGroups customers hierarchy reward team"
    ),
    "Orders are placed at Walmart, so there are no carts and quotes": (
        "carts coupons guest-carts negotiable-cart-item-note negotiable-carts negotiableQuote "
        "negotiableQuoteTemplate purchase-order-carts requisition_lists salesRules"
    ),
    "Stock levels are sent by Waybill's own `PUT /v1/stores/{store_id}/inventory`": (
        "inventory stockItems stockStatuses"
    ),
    "Walmart charges the buyer and the taxes": (
        "applepay braintree payments-config payments-sdk taxClasses taxRates taxRules"
    ),
    "Gifts are not sold at Walmart by Commerce": "gift-wrappings giftregistry guest-giftregistry",
    "Content and administration of a Commerce installation": (
        "adminuisdk adobe_io_events adobestock analytics cmsBlock cmsPage directory eventing "
        "import modules store tfa webhooks"
    ),
    "Tokens are refused with a sentence: use an API key": "integration",
}
_HEAD = """# Commerce's paths

Operations of Adobe Commerce 2.4.8 about orders and what belongs to them, below `/rest/{store_code}/V1`.
`python -m tests.contract.write_commerce_paths` makes this page from the code. A test compares it with
the list of Adobe's schema (`admin-schema-2.4.8.yaml` of AdobeDocs/commerce-webapi).
[Connecting Adobe Commerce](commerce.md#rest) has the details.
"""


def adobe() -> set[str]:
    """Adobe's operations about orders, such as GET /V1/orders."""
    return {line for line in _ADOBE if not line.startswith(("#", "group "))}


def groups() -> set[str]:
    """The names of Adobe's other groups of paths."""
    return {line.removeprefix("group ") for line in _ADOBE if line.startswith("group ")}


def served() -> Iterator[tuple[str, str]]:
    """Each operation that Waybill has, below the base path, with its summary."""
    for path, operations in export.document()["paths"].items():
        if path.startswith(_BASE):
            for method, operation in operations.items():
                summary = operation["summary"].removesuffix(" by Commerce's API")
                yield f"{method.upper()} {path.removeprefix(_BASE)}", summary


def rendered() -> str:
    """The page."""
    refused = [(", ".join(f"`{each}`" for each in some), why) for why, some in REFUSED]
    out = [(", ".join(f"`{each}`" for each in names.split()), why) for why, names in OUT.items()]
    served_rows = [(f"`{name}`", summary) for name, summary in served()]
    return "\n".join(
        [
            _HEAD,
            "## Here\n",
            *_table("operation", "what it does", served_rows),
            "\n## Without meaning here\n",
            "Each is a 400 in Commerce's error shape, `not_applicable`, with this sentence. So is every",
            "operation below `/rest/{store_code}/async/V1` and `/rest/{store_code}/async/bulk/V1`.\n",
            *_table("operations", "message", refused),
            "\n## Other groups\n",
            "A path of these groups is a 404 in Commerce's error shape.\n",
            *_table("groups", "why", out),
            "",
        ]
    )


def _table(left: str, right: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"| {left} | {right} |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]


if __name__ == "__main__":
    PAGE.write_text(rendered())
