"""Readers: a transaction of SQLAlchemy, or a session without it.

SQLAlchemy took half of the time of a list: its work for each statement and for each row.
"""

from app.storage.postgres.database import Connection
from app.storage.postgres.session import Session

# A transaction sees what it has just written; a session is faster.
Reader = Connection | Session
