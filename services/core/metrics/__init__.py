"""Metrics in numpy: of lists, of heads, of variety and of groups of users."""
