"""The limit of every wait of a test: far longer than a busy machine needs."""

import asyncio
import os

LIMIT = 120.0 * float(os.environ.get("WAYBILL_TEST_SLOWNESS", "1"))
"""Seconds. Only a test that fails waits so long."""


def limited() -> asyncio.Timeout:
    """Raise TimeoutError from a block that takes longer than the limit."""
    return asyncio.timeout(LIMIT)
