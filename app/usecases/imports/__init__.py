"""Orders and returns that come from Walmart.

Register and import one order, import pages of Walmart's lists, reconcile recent orders, recover
after a restored backup. Start reading with `import_orders_page.py`.
"""
