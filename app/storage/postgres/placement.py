"""Placement: whether the tables are distributed by store over several servers (Citus)."""

from dataclasses import dataclass

IS_SHARDED = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
# Citus makes no plan while parameters are unknown, as they are in a plan for all values.
# mutation: sharded-plans
PLAN_BY_VALUES = "SET plan_cache_mode = 'auto'"
PLAN_BY_VALUES_LOCALLY = "SET LOCAL plan_cache_mode = 'auto'"


@dataclass(slots=True)
class Placement:
    """Whether the tables are distributed; PostgreSQL is asked once in a process."""

    sharded: bool | None = None
    """None means that PostgreSQL has not been asked yet."""
