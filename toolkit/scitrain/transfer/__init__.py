"""Trained networks from weights that were learned elsewhere."""
