"""Ranking: the front door. A query goes in, a slate with its reasons comes out."""
