"""One update in, one outcome out: a file for each kind of update.

Nothing is sent again after an unclear answer before a read shows it absent. Start with `deliver.py`
and `shipment.py`.
"""
