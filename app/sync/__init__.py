"""The background edge: from the outbox to Walmart, sharing only the database with the web."""
