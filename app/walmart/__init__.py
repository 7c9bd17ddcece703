"""Walmart's APIs: the only place that knows Walmart's JSON, headers and errors."""
