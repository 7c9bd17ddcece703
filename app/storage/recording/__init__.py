"""What a delivery came to and what a read showed, written down in one transaction.

Start with `delivery_results.py`.
"""
