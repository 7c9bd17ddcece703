"""Calls to other systems: how bytes travel, what is kept of them, and what can go wrong."""
