"""The cluster (Citus) on which the tables may be distributed: its facts, and the distribution."""
