"""Jobs carried out by the pollers, a batch at a time.

`run.py` carries out a batch, `acts.py` what is done to each of its members.
"""
