"""Results of deliveries and settlement of orders, each batch written in one transaction.

Start with `delivery_results.py`. `settlement.py` brings orders in line with what Walmart shows, and
`recovery.py` repairs a restored backup.
"""
