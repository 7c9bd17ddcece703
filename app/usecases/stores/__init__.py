"""Stores: connect, validate and change them, set stock, subscribe to Walmart's webhooks."""
