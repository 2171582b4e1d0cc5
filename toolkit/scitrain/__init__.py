"""scitrain: models of scientific data that are right by default and honest about how good they are."""
