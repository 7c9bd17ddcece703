"""A whole number as a person types it."""

# Python reads no integer of more than some thousand digits; no number of ours has so many as these.
_MOST_DIGITS = 18


def typed_number(text: str) -> int | str:
    """The number, or the text itself if it is none: it is refused where the API refuses it."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else text
