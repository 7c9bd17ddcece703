"""The rules of orders, standard library only: what may happen, and what Walmart's picture means."""
