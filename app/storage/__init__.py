"""PostgreSQL: the only place that knows SQLAlchemy and asyncpg."""
