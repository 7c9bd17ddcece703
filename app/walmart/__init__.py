"""Walmart's order API: the only place that knows httpx and Walmart's JSON."""
