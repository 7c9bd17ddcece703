"""Which store does this id belong to? Ids are UUIDv7 whose last 32 bits are the store's number.

Layout as in RFC 9562, section 5.7, with the last 32 of its random bits given to the store,
so that no statement has to search every store for a row. 42 random bits are left for one
store and millisecond.
"""

from uuid import UUID

_STORE_BITS = 32
_STORE_MASK = (1 << _STORE_BITS) - 1
_ENTROPY_BITS = 42
MAX_STORE = (1 << 31) - 1


def new_id(store_id: int, unix_ms: int, entropy: int) -> UUID:
    """Make an id for a row of a store.

    unix_ms is the time in milliseconds since 1970; of entropy the lowest 42 bits are used.
    Raises ValueError for a store number outside 0 to 2^31-1.
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
    """The number of the store an id was made for; None for an id that Waybill did not make."""
    number = identifier.int & _STORE_MASK
    return number if identifier.version == 7 and number <= MAX_STORE else None  # noqa: PLR2004
