"""Ranking metrics in numpy."""
