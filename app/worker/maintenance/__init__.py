"""Maintenance: what every poller repeats beside delivering updates.

`jobs.py` lists the jobs with their intervals, and each job has a file: rescue, the ship-by watch,
reconciliation, imports, doubts, bulk jobs, retention, order counts, roll-up, error notifications.
`scheduler.py` runs them, `task_pool.py` those that work store by store. A job may run in several
pollers at once and keeps no state that another run needs. No job delivers an update. Start with
`jobs.py`.
"""
