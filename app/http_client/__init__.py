"""HTTP to others: transport, one try with its evidence, redaction, and the SSRF guard.

Nothing here knows Walmart or Commerce. Start with `exchange.py`.
"""
