"""Rules of delivery: outcomes, retries and backoff, doubt, rate limits, quotas, fair scheduling.

due groups ─▶ fair_scheduler ─▶ quotas (rate_limits) ─▶ claimed_update ─▶ outcome ─▶ retry_policy
              the next store     how many may go now     a delivery       its result  the next state

Start with `outcome.py` (the result of one delivery) and `retry_policy.py` (the next state).
"""
