"""Takes the address of a process early, before anything else is opened."""

import socket

from app.endings import CannotGoOn


class CannotListen(CannotGoOn):
    """The address cannot be used; the message says which and why."""


def take(host: str, port: int) -> socket.socket:
    """Bind an address before anything else is opened. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotListen(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listening
