"""Refund what a buyer returned."""
