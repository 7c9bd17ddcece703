"""Removal of what is no longer wanted: the text of one order, and rows of a certain age."""
