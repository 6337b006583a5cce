"""Candidate sources: pure numpy scoring from the arrays in a bundle."""
