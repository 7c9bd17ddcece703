"""Detects what already arrived through another Commerce channel."""
