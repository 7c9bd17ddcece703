"""Import leases and cursors, orders that could not be read, the inbox of Walmart's webhooks."""
