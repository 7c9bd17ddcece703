"""The `waybill` command: one file for each of its commands.

`main.py` lists the commands and is where to start reading. A command reads the settings, lets
`bootstrap.py` open what it needs, and turns an error into a sentence and an exit code.
"""
