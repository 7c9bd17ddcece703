"""Outgoing webhooks are signed as Standard Webhooks says, with each of a store's secrets."""

import base64
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.http_client import webhook_signatures

# The example of the specification's own libraries (standard-webhooks, tests of each language).
EXAMPLE = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "at": 1614265330,
    "body": '{"test": 2432232314}',
    "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
# A secret of a store from before: any text.
TEXT = "a-secret-of-the-merchant"


def test_the_example_of_the_specification_has_its_signature() -> None:
    headers = webhook_signatures.headers(
        [str(EXAMPLE["secret"])], str(EXAMPLE["id"]), 1614265330, str(EXAMPLE["body"])
    )
    assert headers["webhook-signature"] == EXAMPLE["signature"]
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (EXAMPLE["id"], "1614265330")


def test_a_receiver_with_either_secret_accepts_a_message_while_one_is_rotated() -> None:
    new, body, now = str(EXAMPLE["secret"]), '{"a": "ü"}', int(time.time())
    headers = dict(webhook_signatures.headers([new, OLD], "id-1", now, body))
    for secret in (new, OLD):
        assert Webhook(secret).verify(body, headers) == {"a": "ü"}
        alone = webhook_signatures.headers([secret], "id-1", now, body)
        assert alone["Waybill-Signature"].partition(",")[2] in headers["Waybill-Signature"]
    changed = {**headers, "webhook-id": "id-2"}
    for wrong in (changed, dict(webhook_signatures.headers([OLD], "id-1", now, body))):
        with pytest.raises(WebhookVerificationError):
            Webhook(new).verify(body, wrong)


def test_a_library_takes_the_secret_of_a_store_that_is_plain_text() -> None:
    headers = dict(webhook_signatures.headers([TEXT], "id-1", int(time.time()), "{}"))
    in_base64 = base64.b64encode(TEXT.encode()).decode()
    assert Webhook(f"whsec_{in_base64}").verify("{}", headers) == {}


@pytest.mark.parametrize(
    ("secret", "wrong"),
    [
        (EXAMPLE["secret"], False),
        (OLD.rstrip("="), False),
        (TEXT, False),
        ("whsec_" + base64.b64encode(b"k" * 23).decode(), True),
        ("whsec_" + base64.b64encode(b"k" * 65).decode(), True),
        ("whsec_not*base64*but*long*enough****", True),
    ],
)
def test_only_a_secret_that_looks_like_a_standard_one_must_be_one(secret: str, wrong: bool) -> None:
    assert webhook_signatures.ill_formed(secret) is wrong
