"""Rules of delivery: outcomes, retries and backoff, doubt, rate limits, fairness and quotas.

Start with `outcome.py` (what one try came to) and `retry_policy.py` (what becomes of the update).
"""
