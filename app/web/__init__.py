"""The HTTP edge, the only place that imports FastAPI.

A request passes `middleware.py` (request id, body limit), then the route of one of the routers in
`v1/`, `commerce/` and `walmart/`. The route checks the API key (`dependencies.py`, `auth.py`),
parses the body into a schema, calls a use case or a query, and renders its result. An exception
becomes a problem document, or Commerce's error body under `/rest` (`problems.py`).

Start reading at `app.py`, which creates the app, then `v1/shipments.py`. No module here holds a
business rule or SQL.
"""
