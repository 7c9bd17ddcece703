"""The public API, `/v1`: a file for each resource, its schemas beside it."""
