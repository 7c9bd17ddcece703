"""The error that ends a command. Every layer may raise it."""


class CannotGoOn(Exception):
    """Ends a command. The message is one line: the cause, and what to do."""

    exit_code = 1
