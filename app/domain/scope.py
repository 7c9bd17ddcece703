"""What an API key or a session allows."""

from enum import StrEnum


class Scope(StrEnum):
    """What an API key allows; each scope includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
