"""Readers of data sets: one file a format, each a generator of rows that holds one row at a time."""
