"""Writes, checks and rehearses what monitoring/ holds."""
