"""The outbox: updates, claims and leases, requeueing, retention, LISTEN and NOTIFY.

```
pending -> sending -> confirmed
             |  ^
             v  |
   retrying / verifying -> failed -> dismissed
```
Start with `updates.py` and `claims.py`.
"""
