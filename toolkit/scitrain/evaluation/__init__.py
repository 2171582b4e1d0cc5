"""How good a model is, and how far to trust it: from predictions alone, with numpy, scipy and scikit-learn."""
