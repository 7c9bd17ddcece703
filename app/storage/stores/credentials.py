"""A store's decrypted credentials for Walmart, and its connection to Commerce."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from app.domain.commerce_connection import PAYMENT_METHOD, CommerceConnection
from app.domain.orders.charges import ChargeAmountIs
from app.domain.seller_credentials import SellerCredentials
from app.storage.postgres.database import Connection
from app.storage.stores.secrets import SecretCipher
from app.storage.tables import stores


async def of_walmart(
    connection: Connection, store_id: int, cipher: SecretCipher
) -> SellerCredentials:
    """A store's Walmart credentials, decrypted. Raises CannotDecrypt."""
    statement = sa.select(
        stores.c.walmart_client_id,
        stores.c.walmart_client_secret,
        stores.c.market,
        stores.c.charge_amount_is,
    ).where(stores.c.store_id == store_id)
    row = (await connection.execute(statement)).mappings().one()
    return opened(store_id, row, cipher)


def opened(store_id: int, row: Mapping[Any, Any], cipher: SecretCipher) -> SellerCredentials:
    """The Walmart credentials of a row that has them encrypted. Raises CannotDecrypt."""
    return SellerCredentials(
        store_id=store_id,
        client_id=row["walmart_client_id"],
        client_secret=cipher.open(row["walmart_client_secret"]),
        market=row["market"],
        charge_amount_is=ChargeAmountIs(row["charge_amount_is"]),
    )


async def of_commerce(
    connection: Connection, store_id: int, cipher: SecretCipher
) -> CommerceConnection | None:
    """How to call a store's Commerce. None means that it is not set. Raises CannotDecrypt."""
    statement = sa.select(
        stores.c.code,
        stores.c.commerce_base_url,
        stores.c.commerce_access_token,
        stores.c.commerce_payment_method,
        stores.c.commerce_stock_id,
    ).where(stores.c.store_id == store_id)
    code, base_url, token, method, stock_id = (await connection.execute(statement)).one()
    if base_url is None or token is None:
        return None
    return CommerceConnection(
        store_id, code, base_url, cipher.open(token), method or PAYMENT_METHOD, stock_id
    )
