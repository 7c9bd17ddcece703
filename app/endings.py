"""Types that every layer may use: the error that ends a command, and the scopes of an API key."""

from enum import StrEnum


class CannotGoOn(Exception):
    """Ends a command. The message is one line: the cause, and what to do."""

    exit_code = 1


class Scope(StrEnum):
    """What an API key allows; each scope includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
