"""Rules of reading Walmart's lists: cursors and how far back to read."""
