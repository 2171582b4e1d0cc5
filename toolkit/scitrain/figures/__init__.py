"""Data in, matplotlib Figure out: one file a figure; `scitrain.figures.draw.draw_all` draws what a run has."""
