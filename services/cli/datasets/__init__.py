"""Data sets that can be fetched, each from its publisher and from a second place."""
