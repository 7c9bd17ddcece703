"""Durations as the command line takes them, such as 30m, 24h or 7d."""

import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse(text: str) -> timedelta | None:
    """A duration of minutes, hours or days. None means that the text is none."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
