"""One file for each resource of the API, with its schemas beside it."""
