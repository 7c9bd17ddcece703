"""Jobs: one act on all that a filter finds, in batches by the pollers.

`create.py` makes a job, `selection.py` knows what a job acts on, `kinds.py` what it may do;
`app/usecases/job_batches/` carries it out. A job says afterwards how many had which result.
"""
