"""Where the time and the memory of a trained model go, and what would help."""
