"""How many connections the process may have: its file descriptors, less those for the rest."""

import resource

MOST_CONNECTIONS = 4000
# File descriptors kept for the database, calls to other systems, and files.
_RESERVED = 256
_MOST_DESCRIPTORS = 65_536


def most_connections() -> int:
    """Raise the limit of file descriptors; returns how many connections it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    # mutation: file-descriptor-limit
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    available = _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return max(min(MOST_CONNECTIONS, available - _RESERVED), 1)
