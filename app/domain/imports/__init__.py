"""Rules of the import from Walmart's lists. `cursor.py` says where a list continues."""
