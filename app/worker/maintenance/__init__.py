"""What runs on a schedule: doubts that end, retention, error notifications, expired leases.

Start with `scheduler.py`.
"""
