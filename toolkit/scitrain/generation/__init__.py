"""New molecules and compositions: generators that draw them, what they are worth, and how to look for those that are wanted."""
