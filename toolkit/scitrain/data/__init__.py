"""From a source to rows that can be learned from: read, prepare, split, cache."""
