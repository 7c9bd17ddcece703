"""Retry and dismiss updates, one or many, and read what an update is about."""
