"""Fitting of the candidate sources; their scoring is in services.core.sources."""
