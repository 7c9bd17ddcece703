from app.commerce import order_payload
from app.commerce.client import CommerceOrder


def test_a_later_save_keeps_the_number_of_the_order() -> None:
    """Commerce takes a new number from its sequence for an order that is saved without one.

    EntityAbstract::_beforeSave (magento/magento2, Sales/Model/ResourceModel). Earlier releases and
    extensions that number orders do so for an order that has an id too.
    """
    payment = {"entity_id": 9, "method": "checkmo", "additional_information": ["a"]}
    order = CommerceOrder(entity_id=5, number="000000005", payment=payment)
    assert order_payload.with_payment_line(order, "b") == {
        "entity_id": 5,
        "increment_id": "000000005",
        "payment": {
            "entity_id": 9,
            "method": "checkmo",
            "account_status": "",
            "cc_last4": "",
            "additional_information": ["a", "b"],
        },
    }
