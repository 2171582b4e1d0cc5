"""New molecules and compositions: what they are worth, and how to look for those that are wanted."""
