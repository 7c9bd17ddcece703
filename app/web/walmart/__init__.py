"""Where Walmart calls us."""
