"""Ids: UUIDv7 with the store number in the last 32 bits.

The layout is that of RFC 9562, section 5.7; the store number takes the last 32 of the random bits,
so that a statement that is given an id knows the row's store. 42 random bits remain for each store
and millisecond.
"""

from datetime import UTC, datetime
from uuid import UUID

_STORE_BITS = 32
_STORE_MASK = (1 << _STORE_BITS) - 1
_ENTROPY_BITS = 42
MAX_STORE = (1 << 31) - 1


def new_id(store_id: int, unix_ms: int, entropy: int) -> UUID:
    """Make an id for a row of a store.

    unix_ms is the time in milliseconds since 1970; the lowest 42 bits of entropy are used.
    Raises ValueError for a store number outside 0 to 2^31 - 1.
    """
    if not 0 <= store_id <= MAX_STORE:
        raise ValueError(f"store number {store_id} is outside 0 to {MAX_STORE}")
    entropy &= (1 << _ENTROPY_BITS) - 1
    rand_a, rand_b = entropy >> 30, entropy & ((1 << 30) - 1)
    value = (unix_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | rand_a << 64
    value |= 0b10 << 62 | rand_b << 32 | store_id
    return UUID(int=value)


def store_of(identifier: UUID) -> int | None:
    """Return the store number in an id; None for an id that Waybill did not make."""
    number = identifier.int & _STORE_MASK
    return number if identifier.version == 7 and number <= MAX_STORE else None  # noqa: PLR2004


def first_id(at: datetime) -> UUID:
    """Return the smallest id that can be made at a moment."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def made_at(identifier: UUID) -> datetime:
    """Return the moment in an id, in milliseconds."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
