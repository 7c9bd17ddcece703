"""Doors in the shapes of Commerce's own REST API, so that an integrator changes the base URL."""
