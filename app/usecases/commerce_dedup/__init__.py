"""Detects what already arrived through another Commerce channel.

Commerce reaches Waybill by REST calls, webhooks and I/O Events, and names the same shipment
differently on each. `event_state.py` merges the events about one shipment, cancellation or credit
memo; `duplicates.py` finds the shipment or refund that a request repeats. Start reading there.
"""
