"""Stores, their secrets (encrypted), API keys and error notifications.

Start with `stores.py`.
"""
