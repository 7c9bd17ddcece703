"""The worker: claims updates, delivers them, and keeps what runs on a schedule.

It shares nothing with the web but the database. Start with `poller.py`; one delivery is in
`delivery/deliver.py`.
"""
