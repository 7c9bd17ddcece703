"""Returns as Walmart shows them, and refunds asked for."""
