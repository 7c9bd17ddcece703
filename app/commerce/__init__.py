"""What Commerce calls things, and what Walmart calls them."""
