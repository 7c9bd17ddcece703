"""What PostgreSQL's errors mean for a caller: not now, or never."""

from app.orders.errors import NotAvailable

# PostgreSQL error classes that say "not now" (manual, appendix A): connection trouble (08),
# out of disk, memory or connections (53), shutting down or a statement that took too long (57),
# a server that takes no writes (25006), a lock that was not to be had (55P03), two transactions
# in each other's way (40001, 40P01), an I/O error (58).
_NOT_NOW = ("08", "53", "57", "25006", "55P03", "40001", "40P01", "58")


def not_now(sqlstate: str | None) -> bool:
    """Whether the same request may succeed later."""
    return (sqlstate or "").startswith(_NOT_NOW)


def unavailable() -> NotAvailable:
    """The error of a database that cannot be reached or takes no writes now."""
    message = "The database cannot be reached or takes no writes now."
    return NotAvailable("database_unavailable", message)
