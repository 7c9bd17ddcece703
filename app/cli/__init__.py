"""The `waybill` command: a file for each of its commands.

A command reads the settings, lets `bootstrap` open what it needs, calls a use case, and turns an
error into a sentence and an exit code. No rule and no composition lives here. `http_server.py` and
`connection_limits.py` serve the commands that listen. Start with `main.py`, which lists them all.
"""
