"""Classes from a few examples: prototypes, episodes, confidences, and what they are compared with."""
