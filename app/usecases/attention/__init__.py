"""What needs action, fixed for all members of a cause at once.

Start with `fix.py`; `members.py` has what is done to each member.
"""
