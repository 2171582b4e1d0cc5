"""Classes from their descriptions alone: what a text entails, what lies near it, what a picture shows."""
