"""People sign in to the page by a one-time link or an API key, and sign out.

Start with `sign_in.py`.
"""
