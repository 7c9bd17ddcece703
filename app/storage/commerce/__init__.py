"""Commerce's events, its orders' links, and the updates that go to Commerce."""
