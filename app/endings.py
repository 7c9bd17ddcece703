"""What a command ends with that cannot go on, and what an API key may do: known before all else."""

from enum import StrEnum


class CannotGoOn(Exception):
    """The command ends; the message says in a line why and what to do."""

    exit_code = 1


class Scope(StrEnum):
    """What a key allows; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
