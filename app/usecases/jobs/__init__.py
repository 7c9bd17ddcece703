"""Jobs: one act on all that a filter finds, in batches by the pollers.

`create.py` makes a job, `run.py` carries out a batch; `selection.py` knows what a job acts on, and
`acts.py` what it does. A job says afterwards how many had which result.
"""
