"""Credit memos of an amount alone, which look like those of a hook that selects no items.

The subtotal is the sum of the items, and the grand total has shipping and the adjustment too
(magento/magento2, app/code/Magento/Sales/Model/Order/Creditmemo/Total/Subtotal.php and Grand.php).
"""

from typing import Any

import pytest

from app.commerce import payloads

ROW = {"order_item_id": "70"}
NO_UNITS: list[dict[str, Any]] = [{**ROW, "qty": None}, {**ROW, "qty": "0.0000"}]


def code(**fields: Any) -> str:
    """The code of the problem of a credit memo with these fields."""
    memo = {"entity_id": "12", "order_id": "7", **fields}
    read = payloads.creditmemo({"data": {"creditmemo": memo}})
    assert read.items is None
    assert read.problem is not None
    return read.problem.code


@pytest.mark.parametrize(
    "amount",
    [
        {f"{base}{name}": "5.0000"}
        for base in ("", "base_")
        for name in (
            "adjustment",
            "adjustment_positive",
            "adjustment_negative",
            "shipping_amount",
            "grand_total",
        )
    ],
    ids=lambda amount: next(iter(amount)),
)
def test_a_credit_memo_of_an_amount_alone_is_none_of_a_wrong_hook(amount: dict[str, str]) -> None:
    zero = {"subtotal": "0.0000", "base_subtotal": None}
    for items in ({}, {"items": None}, {"items": NO_UNITS}, {"items": NO_UNITS[:1]}):
        assert code(**items, **amount) == "creditmemo_amount_only"
        assert code(**items, **amount, **zero) == "creditmemo_amount_only"


@pytest.mark.parametrize(
    "fields",
    [
        {"grand_total": "0.0000", "adjustment": None},
        {"grand_total": "47.0000", "subtotal": "42.0000"},
        {"adjustment": 5, "base_subtotal": 42},
        {"items": "x", "adjustment": 5},
        {"items": [ROW], "adjustment": 5},
        {"items": [{**ROW, "qty": "x"}], "adjustment": 5},
        {"items": [{**ROW, "qty": None}, {**ROW, "qty": 1}], "adjustment": 5},
        {"items": NO_UNITS[:1], "adjustment": "0.0000"},
    ],
)
def test_a_credit_memo_that_may_credit_units_without_naming_them_is_of_a_wrong_hook(
    fields: dict[str, Any],
) -> None:
    assert code(**fields) == "commerce_event_invalid"
