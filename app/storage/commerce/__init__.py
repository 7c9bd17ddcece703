"""Commerce events, the links between Commerce's and Walmart's orders, and updates for Commerce.

Start with `events.py`; `links.py` links an order, and `updates.py` queues what Commerce is sent.
"""
