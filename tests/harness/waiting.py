"""The limit of every wait of a test: far longer than a busy machine needs."""

import asyncio
import os

SLOWNESS = float(os.environ.get("WAYBILL_TEST_SLOWNESS", "1"))
"""Multiplies the limits of tests."""
LIMIT = 120.0 * SLOWNESS
"""Seconds. Only a test that fails waits so long."""


def limited() -> asyncio.Timeout:
    """Raise TimeoutError from a block that takes longer than the limit."""
    return asyncio.timeout(LIMIT)
