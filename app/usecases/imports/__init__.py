"""Orders and returns that come from Walmart: import, reconcile, recover after a restored backup."""
