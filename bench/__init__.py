"""Benchmarks: ratios and figures measured in one run, never assertions."""
