"""The public API under `/v1`: a file for each resource, with its schemas beside it.

A route parses the request, calls a use case or a query, and renders the result. `fields.py` has
the field types that schemas share, `responses.py` documents answers and problems, `examples.py`
has the examples of the OpenAPI document. Start reading at `shipments.py`; `fast_shipment.py` is
the fast path of its first operation.
"""
