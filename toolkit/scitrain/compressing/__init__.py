"""Make a trained network smaller: int8, half precision, pruning; what it costs is measured elsewhere."""
