"""Which name a key, or a person who signs in, may have."""

# Timelines show the name, and `waybill keys list` in one line.
LONGEST_NAME = 100


def is_name(name: str) -> bool:
    """Whether a key may have this name: one line, no blanks around it, at most LONGEST_NAME."""
    return name == name.strip() and name.isprintable() and 0 < len(name) <= LONGEST_NAME
