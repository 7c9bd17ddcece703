"""The merchants' page: HTML rendered on the server, for the people who work with orders.

```
request ─▶ PageRoute: same origin? signed in? ─▶ page (orders.py …) ─▶ use cases, queries
                                                    └▶ PageContext.render ─▶ templates/
```

A page is a module with a `PageRouter`, listed in `pages.py`, and a template. It calls the same use
cases and queries as the API, never HTTP. What a person may do is decided by the scope of the
session, in the route: `PageReading`, `PageWriting` or `PageAdministering`. Nothing here keeps state
in the process except caches. Start with `context.py`, then `pages.py`.
"""
