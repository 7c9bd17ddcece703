"""Orders and returns read from Walmart, page by page, within its rate limits.

Start with `importer.py`.
"""
